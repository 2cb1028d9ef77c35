import type { Weighted } from './weighted.js';

/** Source buckets are named `<team>-<purpose><suffix>`. */
// prettier-ignore
export const teams = [
  'media', 'billing', 'analytics', 'platform', 'mobile', 'web', 'search', 'ml', 'security', 'finance',
  'hr', 'legal', 'support', 'video', 'iot', 'maps', 'partner', 'research', 'sales', 'archive',
  'clinic', 'press', 'games', 'infra',
] as const;

/** 30 purposes: their number has no divisor in common with the step by which names go through them. */
// prettier-ignore
export const purposes = [
  'photos', 'backups', 'exports', 'uploads', 'thumbnails', 'invoices', 'models', 'artifacts', 'assets', 'reports',
  'snapshots', 'recordings', 'documents', 'events', 'datasets', 'releases', 'packages', 'tiles', 'scans', 'mail',
  'attachments', 'wal', 'metrics', 'raw', 'staging', 'public', 'downloads', 'cache', 'imports', 'dumps',
] as const;

/** Ends of bucket names. */
// prettier-ignore
export const suffixes = ['', '', '-prod', '-prod', '-eu', '-us', '-dev', '-test', '.example.com'] as const;

/** Folders that keys begin with. */
// prettier-ignore
export const folders = [
  'images', 'photos', 'thumbs/256', 'backups/daily', 'backups/full', 'exports', 'raw', 'data/events', 'invoices',
  'avatars', 'videos/hls', 'builds', 'tmp', 'logs/app', 'models', 'Veeam/Archive',
] as const;

/** Words in the names of files. */
// prettier-ignore
export const stems = [
  'report', 'IMG', 'part', 'segment', 'snapshot', 'invoice', 'dump', 'avatar', 'block', 'index', 'export',
  'model', 'frame', 'chunk', 'page', 'DSC',
] as const;

/** Ends of the names of files. */
// prettier-ignore
export const extensions = [
  '.jpg', '.png', '.parquet', '.json.gz', '.pdf', '.csv', '.tar.gz', '.mp4', '.ts', '.zst', '.bin', '.html',
  '.webp', '.blk', '.json', '',
] as const;

/** What makes some keys hard to write down: each must survive the way into a log line. */
// prettier-ignore
export const awkward = [
  ' (1)', ' - copy', '+final', '100%', '%20', '"quoted"', "it's", '&a=b', '#3', '?x', '=', ';', ',', '[1]', '~',
  '\\', 'résumé', 'Übergröße', 'façade', 'Żółć', 'отчёт', 'ภาพ', '報告書', '사진', 'תמונה', '🚀', '👩‍💻', '  ',
] as const;

/** User agents of browsers, which also send referers. */
// prettier-ignore
export const browsers: Weighted<string> = [
  ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36', 9],
  ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15', 4],
  ['Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0', 4],
  ['Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148', 3],
];

/** Programs that are no browsers. */
// prettier-ignore
export const programs: Weighted<string> = [
  ['aws-cli/2.31.3 lang/python#3.13.7', 14],
  ['Boto3/1.40.55 lang/python#3.11.9', 18],
  ['aws-sdk-java/2.35.10 lang/java#21.0.8', 16],
  ['aws-sdk-go-v2/1.39.3 lang/go#1.25.3', 12],
  ['aws-sdk-js/3.913.0 md/nodejs#20.19.5', 11],
  ['APN/1.0 Veeam/1.0 Backup/12.3', 20],
  ['rclone/v1.71.1', 18],
  ['S3 Browser/11.8.7 (https://s3browser.com)', 2],
  ['s3cmd/2.4.0', 4],
  ['curl/8.14.1', 6],
  ['Hadoop 3.4.1, aws-sdk-java/2.29.52 md/spark#3.5.6', 5],
  ['MinIO (linux; amd64) minio-go/v7.0.95', 5],
  ['inventory-bot/3.1 ("nightly"; +https://bots.example.com/inventory?v=3)', 1],
];

/** Pages that browsers come from. */
// prettier-ignore
export const referers = [
  'https://www.example.com/', 'https://app.example.com/gallery?page=2', 'https://docs.example.org/guide/upload',
  'https://console.example.net/buckets', 'http://localhost:3000/', 'https://shop.example.com/items/4711',
] as const;

/** First halves of IPv4 addresses: private ones, and those set aside for benchmarks. */
export const networks = [
  '10.0.',
  '10.12.',
  '10.200.',
  '172.16.',
  '172.31.',
  '192.168.',
  '198.18.',
  '198.19.',
] as const;

/** Cipher suites of TLS 1.3. */
// prettier-ignore
export const tls13Ciphers: Weighted<string> = [
  ['TLS_AES_128_GCM_SHA256', 60],
  ['TLS_AES_256_GCM_SHA384', 30],
  ['TLS_CHACHA20_POLY1305_SHA256', 10],
];

/** Cipher suites of TLS 1.2. */
// prettier-ignore
export const tls12Ciphers: Weighted<string> = [
  ['ECDHE-RSA-AES128-GCM-SHA256', 70],
  ['ECDHE-RSA-AES256-GCM-SHA384', 30],
];

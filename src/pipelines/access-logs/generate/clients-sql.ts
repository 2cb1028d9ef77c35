import { browsers, networks, programs, tls12Ciphers, tls13Ciphers } from './vocabulary.js';
import { clientDraw } from './draws.js';
import { pick, pickWeighted } from './weighted.js';

/** How many clients send requests. */
export const CLIENTS = 2000;

/**
 * The clients, one row each. They are the same whatever the seed is.
 *
 * Columns: client (from 0), isBrowser, userAgent, clientIP (IPv6 for one in seven), role (whom the client acts for:
 * owner, other, user, role or nobody), requesterIfOther (NULL for the bucket's owner, and for nobody), accessKey,
 * signature, tls and cipher (NULL without TLS), virtualHost (whether it names the bucket in the host name).
 */
export const clientsSql = `
  SELECT
    number AS client,
    ${clientDraw('kind')} % 100 < 12 AS isBrowser,
    if(isBrowser, ${pickWeighted(browsers, clientDraw('agent'))}, ${pickWeighted(programs, clientDraw('agent'))}) AS userAgent,
    ${clientDraw('address')} AS address,
    leftPad(lower(hex(address)), 16, '0') AS digits,
    IPv6NumToString(
      toFixedString(unhex(concat('20010db8', substring(digits, 1, 8), '00000000', substring(digits, 9, 8))), 16)
    ) AS ipv6,
    concat(
      ${pick(networks, clientDraw('network'))}, toString(address % 256), '.', toString(1 + intDiv(address, 256) % 254)
    ) AS ipv4,
    if(${clientDraw('family')} % 7 = 0, ipv6, ipv4) AS clientIP,
    ${pickWeighted(
      [
        ['owner', 24],
        ['user', 55],
        ['role', 9],
        ['other', 7],
        ['nobody', 5],
      ],
      clientDraw('role'),
    )} AS role,
    toString(100000000000 + ${clientDraw('account')} % 40 * 21943618907) AS account,
    multiIf(
      role = 'other', lower(hex(SHA256(account))),
      role = 'user', concat('arn:aws:iam::', account, ':user/', ${pickWeighted(
        [
          ['backup', 3],
          ['ci', 2],
          ['etl/nightly', 1],
        ],
        clientDraw('user'),
      )}),
      role = 'role', concat('arn:aws:sts::', account, ':assumed-role/app/i-', lower(hex(toUInt32(address)))),
      NULL
    ) AS requesterIfOther,
    if(
      role = 'nobody', NULL,
      concat(if(role = 'role', 'ASIA', 'AKIA'), substring(base32Encode(SHA256(concat('key', toString(number)))), 1, 16))
    ) AS accessKey,
    if(role = 'nobody', NULL, if(startsWith(userAgent, 's3cmd') OR ${clientDraw('old')} % 100 = 0, 'SigV2', 'SigV4')) AS signature,
    multiIf(${clientDraw('tls')} % 100 < 5, NULL, ${clientDraw('tls')} % 100 < 35, 'TLSv1.2', 'TLSv1.3') AS tls,
    multiIf(
      tls = 'TLSv1.2', ${pickWeighted(tls12Ciphers, clientDraw('cipher'))},
      tls = 'TLSv1.3', ${pickWeighted(tls13Ciphers, clientDraw('cipher'))},
      NULL
    ) AS cipher,
    ${clientDraw('host')} % 2 = 0 AS virtualHost
  FROM numbers(${CLIENTS})`;

import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/**
 * Listens on 127.0.0.1.
 *
 * @param server not yet listening
 * @param port port number; 0 for any that is free
 * @returns the port in use
 * @throws when the port is taken (code EADDRINUSE)
 */
export async function listen(server: Server, port: number): Promise<number> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw new Error('The server does not listen on a port.');
  return address.port;
}

/** A port of 127.0.0.1 that was free a moment ago. Another process may take it first: be ready to retry. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server, 0);
  server.close();
  await once(server, 'close');
  return port;
}

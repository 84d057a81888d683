/** A tool that does nothing, quickly. In a process of its own; says how often it was asked at `GET /count`. */
import { createServer } from 'node:http';

let count = 0;
const server = createServer((req, res) => {
  if (req.method === 'GET') {
    res.end(String(count));
    return;
  }
  req.resume().on('end', () => {
    count += 1;
    res.writeHead(200).end();
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address !== 'string') console.log(`http://127.0.0.1:${address.port}`);
});

/** What the gate is held against: ordinary Express that parses the same body and answers one of like size. In a process of its own. */
import express, { type Request, type Response } from 'express';
import { Pool } from 'pg';

const [, , databaseUrl] = process.argv;

const answer = {
  id: '00000000-0000-4000-8000-000000000000',
  decision: 'refused',
  detail: 'x'.repeat(900),
};

const app = express();
app.use(express.json());
app.post('/bare', (req: Request, res: Response) => {
  res.json({ ...answer, action: (req.body as { readonly action: string }).action });
});
if (databaseUrl !== undefined) {
  const pool = new Pool({ connectionString: databaseUrl, max: 10 });
  await pool.query(
    'create table if not exists bare (id bigint generated always as identity primary key, body json not null)',
  );
  app.post('/insert', async (req: Request, res: Response) => {
    const body = { ...answer, action: (req.body as { readonly action: string }).action };
    await pool.query('insert into bare (body) values ($1)', [JSON.stringify(body)]);
    res.json(body);
  });
}
const server = app.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address !== 'string') console.log(`http://127.0.0.1:${address.port}`);
});

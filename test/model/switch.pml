/* The switch, the claim, the forward and a crash. README.md ties each numbered step to its statement in the code. */
#define MAX 2         /* attempts that an idempotent executor gets: that of request 0, if it is one */
#define BOTH 0        /* 1: a second request also where the executor is idempotent; longer than a test may last */
#define FREE 9        /* nobody has the head's lock */
#define nth(o, a) ((o) * MAX + (a) - 1)
mtype = { absent, waiting, claimed, ended };                          /* the phase of an operation */
mtype = { pending, unknown, settled, stopped };                       /* its outcome; what is refused is stopped at once */
mtype = { nothing, permit, sent, delivered, refused, unsent };        /* an attempt in the memory of the gate that makes it */
mtype = { idle, ask, claim, record, sweep, settle, engage, release }; /* what a turn of the ledger does */
typedef Rows { bool current, engaged; mtype phase[2], outcome[2]; byte attempts[2] };
Rows db, book[2], blank;  /* two requests for one target: the rows, and what each gate remembers of them */
byte lock = FREE, owner[4];
mtype wire[4] = nothing;
bool late[4], idempotent, mayEngage = true;   /* late: older than the executor's time-out */
bool returned;        /* from here on, what only the proof knows: engage was answered, and nothing is released */
byte answer[2], listed[2], sends[2]; bool running[2], over[2];    /* the executor may be at it; it has done it */
#define open(b, o) (b.outcome[o] == pending || b.outcome[o] == unknown)
#define holds(b, o) (b.phase[o] != absent && (b.phase[o] != ended || open(b, o)))
#define onTheWire(b, o) (b.phase[o] == claimed || (b.phase[o] == waiting && b.outcome[o] == unknown))
#define again(b, o) (idempotent && o == 0 && b.attempts[o] < MAX -> waiting : ended)
#define hasAnswer(o, a) (owner[nth(o, a)] == g && (wire[nth(o, a)] == delivered || wire[nth(o, a)] == refused || wire[nth(o, a)] == unsent))
inline copyRow(to, from, n) { to.phase[n] = from.phase[n]; to.outcome[n] = from.outcome[n]; to.attempts[n] = from.attempts[n] }
inline copyAll(to, from) { to.current = from.current; to.engaged = from.engaged; copyRow(to, from, 0); copyRow(to, from, 1) }
inline take(b) { b.phase[o] = claimed; b.attempts[o]++ }
inline stop(b, n) { b.phase[n] = ended; if :: b.outcome[n] == pending -> b.outcome[n] = stopped :: else fi }
inline decide(b) {                                                                                        /* 3 */
  if :: b.phase[o] != absent -> skip
     :: else -> b.outcome[o] = pending; b.phase[o] = waiting;
        if :: b.engaged || holds(b, 1 - o) -> stop(b, o) :: else -> if :: take(b) :: skip fi fi fi }
inline claimWaiting(b) {                                                                                  /* 4 */
  if :: b.phase[o] != waiting -> skip :: else -> if :: b.engaged -> stop(b, o) :: else -> take(b) fi fi }
inline afterAttempt(b, got) {                                                                             /* 7 */
  if :: got == delivered -> b.outcome[o] = settled; if :: b.phase[o] != claimed || b.attempts[o] == a -> b.phase[o] = ended :: else fi
     :: else -> if
        :: b.phase[o] == claimed && b.attempts[o] == a ->
           b.phase[o] = (got == unsent && open(b, o) -> again(b, o) : ended);
           if :: b.phase[o] == ended && b.outcome[o] == pending -> b.outcome[o] = settled :: else fi
        :: b.phase[o] != claimed && b.outcome[o] == unknown && b.attempts[o] == 1 -> b.outcome[o] = settled; b.phase[o] = ended
        :: else fi fi }
inline afterLost(b) {                                                                                     /* 8 */
  if :: b.phase[o] != claimed -> skip
     :: else -> if :: open(b, o) -> b.outcome[o] = unknown; b.phase[o] = again(b, o) :: else -> b.phase[o] = ended fi fi }
inline engageOne(b, n) { answer[n] = (onTheWire(b, n) -> b.attempts[n] : 0); if :: b.phase[n] == waiting -> stop(b, n) :: else fi }
inline write(b) {                                                                                         /* 5 */
  if :: job == engage -> db.engaged = true; mayEngage = false; copyRow(db, b, 0); copyRow(db, b, 1); isListed(0, 1); isListed(0, 2); isListed(1, 1); isListed(1, 2);
     :: job == release -> db.engaged = false; returned = false; listed[0] = 0; listed[1] = 0
     :: else -> copyRow(db, b, o); if :: job == settle -> running[o] = false; over[o] = true :: else fi fi;
  copyAll(book[1 - g], blank); holdsTrue(0); holdsTrue(1); assert(!(holds(db, 0) && holds(db, 1))) }
inline isListed(n, m) { assert((wire[nth(n, m)] != permit && wire[nth(n, m)] != sent) || late[nth(n, m)] || answer[n] == m) }
inline holdsTrue(n) { assert(holds(db, n) || !running[n]); assert(db.outcome[n] != stopped || sends[n] == 0) }
#define JOB(n) \
  :: lock == FREE && db.phase[n] == absent && (n == 0 -> g == 0 : db.phase[0] != absent && (BOTH || !idempotent)) -> job = ask; o = n \
  :: lock == FREE && db.phase[n] == waiting -> job = claim; o = n \
  :: lock == FREE && db.phase[n] == claimed && late[nth(n, db.attempts[n])] -> job = sweep; o = n \
  :: lock == FREE && db.phase[n] != claimed && db.outcome[n] == unknown -> job = settle; o = n \
  :: lock == FREE && hasAnswer(n, 1) -> job = record; o = n; a = 1 \
  :: lock == FREE && hasAnswer(n, 2) -> job = record; o = n; a = 2
#define locked (lock == g)
#define mine (book[g].current)
#define alive(i) (owner[i] == g && wire[i] != nothing)
inline die(i) { if :: alive(i) -> wire[i] = nothing; owner[i] = 0 :: else fi }
proctype Gate(byte g) { mtype job = idle; byte o, a;
end: do
  :: atomic {
       if JOB(0) JOB(1)
          :: lock == FREE && mayEngage -> job = engage
          :: lock == FREE && db.engaged -> job = release
       fi; lock = g;                                                                                          /* 1 */
       if :: !book[g].current -> copyAll(book[g], db) :: else fi;                                         /* 2 */
       if :: job == ask -> decide(book[g]) :: job == claim -> claimWaiting(book[g]) :: job == sweep -> afterLost(book[g])
          :: job == record -> afterAttempt(book[g], wire[nth(o, a)])
          :: job == settle -> if :: book[g].phase[o] != claimed && book[g].outcome[o] == unknown -> book[g].outcome[o] = settled; book[g].phase[o] = ended :: else fi
          :: job == engage -> book[g].engaged = true; engageOne(book[g], 0); engageOne(book[g], 1)
          :: job == release -> book[g].engaged = false fi }
     atomic { if
        :: locked && mine -> write(book[g]); lock = FREE;                                  /* 5 committed, and known */
             if :: (job == ask || job == claim) && book[g].phase[o] == claimed ->
                   a = book[g].attempts[o]; wire[nth(o, a)] = permit; owner[nth(o, a)] = g
                :: job == record -> wire[nth(o, a)] = nothing; owner[nth(o, a)] = 0; late[nth(o, a)] = false
                :: job == engage -> returned = true; listed[0] = answer[0]; listed[1] = answer[1]
                :: else fi
        :: locked && mine -> write(book[g]); lock = FREE; copyAll(book[g], blank)          /* committed, not known */
        :: locked -> lock = FREE; copyAll(book[g], blank)                          /* rolled back, known or not */
     fi; job = idle; o = 0; a = 0; answer[0] = 0; answer[1] = 0 }
  :: atomic { alive(0) || alive(1) || alive(2) || alive(3) -> die(0); die(1); die(2); die(3); copyAll(book[g], blank) }   /* 9 */
  od }
proctype Attempt(byte o, a) {
end: do
  :: d_step { wire[nth(o, a)] == permit && !late[nth(o, a)] ->                                            /* 6 */
       assert(db.phase[o] == claimed && db.attempts[o] == a); assert(idempotent && o == 0 || sends[o] == 0);
       assert(!returned || listed[o] == a); assert(!running[1 - o]);
       sends[o]++; running[o] = !over[o]; wire[nth(o, a)] = sent }
  :: wire[nth(o, a)] == permit -> wire[nth(o, a)] = unsent
  :: d_step { wire[nth(o, a)] == sent -> wire[nth(o, a)] = delivered; running[o] = false; over[o] = true }
  :: d_step { wire[nth(o, a)] == sent -> wire[nth(o, a)] = refused; running[o] = (sends[o] > 1 && running[o]) }
  :: db.phase[o] == claimed && db.attempts[o] == a && !late[nth(o, a)] -> late[nth(o, a)] = true
  od }
init { atomic { db.current = true; db.phase[0] = absent; db.phase[1] = absent; if :: idempotent = true :: idempotent = false fi;
    run Gate(0); run Gate(1); run Attempt(0, 1); run Attempt(0, 2); run Attempt(1, 1) }
  timeout -> assert(!holds(db, 0) && !holds(db, 1)) }

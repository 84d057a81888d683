-- Of each party the newest of each status is read: what it said later does not take back, where it is not believed any more, that it saw something fail.
create index evidence_newest_of_status on evidence (artifact, name, dimension, value, principal, status, seq);
drop index evidence_newest;

-- What is not good of any part counts against the whole: the newest of it, whoever's, is found without a look at each part.
create index evidence_against on evidence (artifact, name, principal, status, seq) where status <> 'passed';

#define rand	pan_rand
#define pthread_equal(a,b)	((a)==(b))
#if defined(HAS_CODE) && defined(VERBOSE)
	#ifdef BFS_PAR
		bfs_printf("Pr: %d Tr: %d\n", II, t->forw);
	#else
		cpu_printf("Pr: %d Tr: %d\n", II, t->forw);
	#endif
#endif
	switch (t->forw) {
	default: Uerror("bad forward move");
	case 0:	/* if without executable clauses */
		continue;
	case 1: /* generic 'goto' or 'skip' */
		IfNotBlocked
		_m = 3; goto P999;
	case 2: /* generic 'else' */
		IfNotBlocked
		if (trpt->o_pm&1) continue;
		_m = 3; goto P999;

		 /* PROC :init: */
	case 3: // STATE 2 - switch.pml:65 - [-end-] (0:0:0 - 1)
		IfNotBlocked
		reached[1][2] = 1;
		if (!delproc(1, II)) continue;
		_m = 3; goto P999; /* 0 */

		 /* PROC Gate */
	case 4: // STATE 1 - switch.pml:53 - [((lock==9))] (0:0:0 - 1)
		IfNotBlocked
		reached[0][1] = 1;
		if (!((((int)now.lock)==9)))
			continue;
		_m = 3; goto P999; /* 0 */
	case 5: // STATE 2 - switch.pml:54 - [o = 0] (0:25:3 - 1)
		IfNotBlocked
		reached[0][2] = 1;
		(trpt+1)->bup.ovals = grab_ints(3);
		(trpt+1)->bup.ovals[0] = ((int)((P0 *)_this)->o);
		((P0 *)_this)->o = 0;
#ifdef VAR_RANGES
		logval("Gate:o", ((int)((P0 *)_this)->o));
#endif
		;
		/* merge: .(goto)(25, 5, 25) */
		reached[0][5] = 1;
		;
		/* merge: a = 1(25, 6, 25) */
		reached[0][6] = 1;
		(trpt+1)->bup.ovals[1] = ((int)((P0 *)_this)->a);
		((P0 *)_this)->a = 1;
#ifdef VAR_RANGES
		logval("Gate:a", ((int)((P0 *)_this)->a));
#endif
		;
		if (TstOnly) return 1; /* TT */
		/* dead 2: a */  
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P0 *)_this)->a = 0;
		_m = 3; goto P999; /* 2 */
	case 6: // STATE 3 - switch.pml:54 - [o = 1] (0:25:3 - 1)
		IfNotBlocked
		reached[0][3] = 1;
		(trpt+1)->bup.ovals = grab_ints(3);
		(trpt+1)->bup.ovals[0] = ((int)((P0 *)_this)->o);
		((P0 *)_this)->o = 1;
#ifdef VAR_RANGES
		logval("Gate:o", ((int)((P0 *)_this)->o));
#endif
		;
		/* merge: .(goto)(25, 5, 25) */
		reached[0][5] = 1;
		;
		/* merge: a = 1(25, 6, 25) */
		reached[0][6] = 1;
		(trpt+1)->bup.ovals[1] = ((int)((P0 *)_this)->a);
		((P0 *)_this)->a = 1;
#ifdef VAR_RANGES
		logval("Gate:a", ((int)((P0 *)_this)->a));
#endif
		;
		if (TstOnly) return 1; /* TT */
		/* dead 2: a */  
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P0 *)_this)->a = 0;
		_m = 3; goto P999; /* 2 */
	case 7: // STATE 6 - switch.pml:54 - [a = 1] (0:25:2 - 3)
		IfNotBlocked
		reached[0][6] = 1;
		(trpt+1)->bup.ovals = grab_ints(2);
		(trpt+1)->bup.ovals[0] = ((int)((P0 *)_this)->a);
		((P0 *)_this)->a = 1;
#ifdef VAR_RANGES
		logval("Gate:a", ((int)((P0 *)_this)->a));
#endif
		;
		if (TstOnly) return 1; /* TT */
		/* dead 2: a */  
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P0 *)_this)->a = 0;
		_m = 3; goto P999; /* 0 */
	case 8: // STATE 7 - switch.pml:55 - [((db.phase[o]==absent))] (11:0:3 - 1)
		IfNotBlocked
		reached[0][7] = 1;
		if (!((now.db.phase[ Index(((int)((P0 *)_this)->o), 2) ]==4)))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: o */  (trpt+1)->bup.ovals = grab_ints(3);
		(trpt+1)->bup.ovals[0] = ((P0 *)_this)->o;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P0 *)_this)->o = 0;
		/* merge: job = ask(0, 8, 11) */
		reached[0][8] = 1;
		(trpt+1)->bup.ovals[1] = ((P0 *)_this)->job;
		((P0 *)_this)->job = 21;
#ifdef VAR_RANGES
		logval("Gate:job", ((P0 *)_this)->job);
#endif
		;
		if (TstOnly) return 1; /* TT */
		/* dead 2: job */  
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P0 *)_this)->job = 0;
		_m = 3; goto P999; /* 1 */
	case 9: // STATE 9 - switch.pml:55 - [free = 1] (0:35:3 - 1)
		IfNotBlocked
		reached[0][9] = 1;
		(trpt+1)->bup.ovals = grab_ints(3);
		(trpt+1)->bup.ovals[0] = ((int)((P0 *)_this)->free);
		((P0 *)_this)->free = 1;
#ifdef VAR_RANGES
		logval("Gate:free", ((int)((P0 *)_this)->free));
#endif
		;
		if (TstOnly) return 1; /* TT */
		/* dead 2: free */  
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P0 *)_this)->free = 0;
		/* merge: .(goto)(35, 12, 35) */
		reached[0][12] = 1;
		;
		/* merge: .(goto)(35, 26, 35) */
		reached[0][26] = 1;
		;
		/* merge: .(goto)(35, 32, 35) */
		reached[0][32] = 1;
		;
		/* merge: lock = g(35, 33, 35) */
		reached[0][33] = 1;
		(trpt+1)->bup.ovals[1] = ((int)now.lock);
		now.lock = ((int)((P0 *)_this)->g);
#ifdef VAR_RANGES
		logval("lock", ((int)now.lock));
#endif
		;
		/* merge: .(goto)(0, 36, 35) */
		reached[0][36] = 1;
		;
		_m = 3; goto P999; /* 5 */
	case 10: // STATE 10 - switch.pml:55 - [free = 0] (0:35:2 - 1)
		IfNotBlocked
		reached[0][10] = 1;
		(trpt+1)->bup.ovals = grab_ints(2);
		(trpt+1)->bup.ovals[0] = ((int)((P0 *)_this)->free);
		((P0 *)_this)->free = 0;
#ifdef VAR_RANGES
		logval("Gate:free", ((int)((P0 *)_this)->free));
#endif
		;
		/* merge: .(goto)(35, 12, 35) */
		reached[0][12] = 1;
		;
		/* merge: .(goto)(35, 26, 35) */
		reached[0][26] = 1;
		;
		/* merge: .(goto)(35, 32, 35) */
		reached[0][32] = 1;
		;
		/* merge: lock = g(35, 33, 35) */
		reached[0][33] = 1;
		(trpt+1)->bup.ovals[1] = ((int)now.lock);
		now.lock = ((int)((P0 *)_this)->g);
#ifdef VAR_RANGES
		logval("lock", ((int)now.lock));
#endif
		;
		/* merge: .(goto)(0, 36, 35) */
		reached[0][36] = 1;
		;
		_m = 3; goto P999; /* 5 */
	case 11: // STATE 13 - switch.pml:56 - [((db.phase[o]==waiting))] (35:0:4 - 1)
		IfNotBlocked
		reached[0][13] = 1;
		if (!((now.db.phase[ Index(((int)((P0 *)_this)->o), 2) ]==3)))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: o */  (trpt+1)->bup.ovals = grab_ints(4);
		(trpt+1)->bup.ovals[0] = ((P0 *)_this)->o;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P0 *)_this)->o = 0;
		/* merge: job = claim(35, 14, 35) */
		reached[0][14] = 1;
		(trpt+1)->bup.ovals[1] = ((P0 *)_this)->job;
		((P0 *)_this)->job = 20;
#ifdef VAR_RANGES
		logval("Gate:job", ((P0 *)_this)->job);
#endif
		;
		if (TstOnly) return 1; /* TT */
		/* dead 2: job */  
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P0 *)_this)->job = 0;
		/* merge: .(goto)(35, 26, 35) */
		reached[0][26] = 1;
		;
		/* merge: .(goto)(35, 32, 35) */
		reached[0][32] = 1;
		;
		/* merge: lock = g(35, 33, 35) */
		reached[0][33] = 1;
		(trpt+1)->bup.ovals[2] = ((int)now.lock);
		now.lock = ((int)((P0 *)_this)->g);
#ifdef VAR_RANGES
		logval("lock", ((int)now.lock));
#endif
		;
		/* merge: .(goto)(0, 36, 35) */
		reached[0][36] = 1;
		;
		_m = 3; goto P999; /* 5 */
	case 12: // STATE 15 - switch.pml:57 - [(((db.phase[o]==claimed)&&late[(((o*2)+db.attempts[o])-1)]))] (35:0:4 - 1)
		IfNotBlocked
		reached[0][15] = 1;
		if (!(((now.db.phase[ Index(((int)((P0 *)_this)->o), 2) ]==2)&&((int)now.late[ Index((((((int)((P0 *)_this)->o)*2)+((int)now.db.attempts[ Index(((int)((P0 *)_this)->o), 2) ]))-1), 4) ]))))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: o */  (trpt+1)->bup.ovals = grab_ints(4);
		(trpt+1)->bup.ovals[0] = ((P0 *)_this)->o;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P0 *)_this)->o = 0;
		/* merge: job = sweep(35, 16, 35) */
		reached[0][16] = 1;
		(trpt+1)->bup.ovals[1] = ((P0 *)_this)->job;
		((P0 *)_this)->job = 18;
#ifdef VAR_RANGES
		logval("Gate:job", ((P0 *)_this)->job);
#endif
		;
		if (TstOnly) return 1; /* TT */
		/* dead 2: job */  
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P0 *)_this)->job = 0;
		/* merge: .(goto)(35, 26, 35) */
		reached[0][26] = 1;
		;
		/* merge: .(goto)(35, 32, 35) */
		reached[0][32] = 1;
		;
		/* merge: lock = g(35, 33, 35) */
		reached[0][33] = 1;
		(trpt+1)->bup.ovals[2] = ((int)now.lock);
		now.lock = ((int)((P0 *)_this)->g);
#ifdef VAR_RANGES
		logval("lock", ((int)now.lock));
#endif
		;
		/* merge: .(goto)(0, 36, 35) */
		reached[0][36] = 1;
		;
		_m = 3; goto P999; /* 5 */
	case 13: // STATE 17 - switch.pml:58 - [(((db.phase[o]!=claimed)&&(db.outcome[o]==unknown)))] (35:0:4 - 1)
		IfNotBlocked
		reached[0][17] = 1;
		if (!(((now.db.phase[ Index(((int)((P0 *)_this)->o), 2) ]!=2)&&(now.db.outcome[ Index(((int)((P0 *)_this)->o), 2) ]==7))))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: o */  (trpt+1)->bup.ovals = grab_ints(4);
		(trpt+1)->bup.ovals[0] = ((P0 *)_this)->o;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P0 *)_this)->o = 0;
		/* merge: job = settle(35, 18, 35) */
		reached[0][18] = 1;
		(trpt+1)->bup.ovals[1] = ((P0 *)_this)->job;
		((P0 *)_this)->job = 17;
#ifdef VAR_RANGES
		logval("Gate:job", ((P0 *)_this)->job);
#endif
		;
		if (TstOnly) return 1; /* TT */
		/* dead 2: job */  
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P0 *)_this)->job = 0;
		/* merge: .(goto)(35, 26, 35) */
		reached[0][26] = 1;
		;
		/* merge: .(goto)(35, 32, 35) */
		reached[0][32] = 1;
		;
		/* merge: lock = g(35, 33, 35) */
		reached[0][33] = 1;
		(trpt+1)->bup.ovals[2] = ((int)now.lock);
		now.lock = ((int)((P0 *)_this)->g);
#ifdef VAR_RANGES
		logval("lock", ((int)now.lock));
#endif
		;
		/* merge: .(goto)(0, 36, 35) */
		reached[0][36] = 1;
		;
		_m = 3; goto P999; /* 5 */
	case 14: // STATE 19 - switch.pml:59 - [a = 1] (0:0:1 - 1)
		IfNotBlocked
		reached[0][19] = 1;
		(trpt+1)->bup.oval = ((int)((P0 *)_this)->a);
		((P0 *)_this)->a = 1;
#ifdef VAR_RANGES
		logval("Gate:a", ((int)((P0 *)_this)->a));
#endif
		;
		_m = 3; goto P999; /* 0 */
	case 15: // STATE 20 - switch.pml:59 - [a = 2] (0:0:1 - 1)
		IfNotBlocked
		reached[0][20] = 1;
		(trpt+1)->bup.oval = ((int)((P0 *)_this)->a);
		((P0 *)_this)->a = 2;
#ifdef VAR_RANGES
		logval("Gate:a", ((int)((P0 *)_this)->a));
#endif
		;
		_m = 3; goto P999; /* 0 */
	case 16: // STATE 23 - switch.pml:59 - [((((owner[(((o*2)+a)-1)]==g)&&(wire[(((o*2)+a)-1)]>0))&&(((wire[(((o*2)+a)-1)]==delivered)||(wire[(((o*2)+a)-1)]==refused))||(wire[(((o*2)+a)-1)]==unsent))))] (35:0:5 - 3)
		IfNotBlocked
		reached[0][23] = 1;
		if (!((((((int)now.owner[ Index((((((int)((P0 *)_this)->o)*2)+((int)((P0 *)_this)->a))-1), 4) ])==((int)((P0 *)_this)->g))&&(now.wire[ Index((((((int)((P0 *)_this)->o)*2)+((int)((P0 *)_this)->a))-1), 4) ]>0))&&(((now.wire[ Index((((((int)((P0 *)_this)->o)*2)+((int)((P0 *)_this)->a))-1), 4) ]==11)||(now.wire[ Index((((((int)((P0 *)_this)->o)*2)+((int)((P0 *)_this)->a))-1), 4) ]==10))||(now.wire[ Index((((((int)((P0 *)_this)->o)*2)+((int)((P0 *)_this)->a))-1), 4) ]==9)))))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: o */  (trpt+1)->bup.ovals = grab_ints(5);
		(trpt+1)->bup.ovals[0] = ((P0 *)_this)->o;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P0 *)_this)->o = 0;
		if (TstOnly) return 1; /* TT */
		/* dead 1: a */  (trpt+1)->bup.ovals[1] = ((P0 *)_this)->a;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P0 *)_this)->a = 0;
		/* merge: job = record(35, 24, 35) */
		reached[0][24] = 1;
		(trpt+1)->bup.ovals[2] = ((P0 *)_this)->job;
		((P0 *)_this)->job = 19;
#ifdef VAR_RANGES
		logval("Gate:job", ((P0 *)_this)->job);
#endif
		;
		if (TstOnly) return 1; /* TT */
		/* dead 2: job */  
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P0 *)_this)->job = 0;
		/* merge: .(goto)(35, 26, 35) */
		reached[0][26] = 1;
		;
		/* merge: .(goto)(35, 32, 35) */
		reached[0][32] = 1;
		;
		/* merge: lock = g(35, 33, 35) */
		reached[0][33] = 1;
		(trpt+1)->bup.ovals[3] = ((int)now.lock);
		now.lock = ((int)((P0 *)_this)->g);
#ifdef VAR_RANGES
		logval("lock", ((int)now.lock));
#endif
		;
		/* merge: .(goto)(0, 36, 35) */
		reached[0][36] = 1;
		;
		_m = 3; goto P999; /* 5 */
	case 17: // STATE 32 - switch.pml:63 - [.(goto)] (0:35:1 - 10)
		IfNotBlocked
		reached[0][32] = 1;
		;
		/* merge: lock = g(35, 33, 35) */
		reached[0][33] = 1;
		(trpt+1)->bup.oval = ((int)now.lock);
		now.lock = ((int)((P0 *)_this)->g);
#ifdef VAR_RANGES
		logval("lock", ((int)now.lock));
#endif
		;
		/* merge: .(goto)(0, 36, 35) */
		reached[0][36] = 1;
		;
		_m = 3; goto P999; /* 2 */
	case 18: // STATE 27 - switch.pml:61 - [(mayEngage)] (35:0:3 - 1)
		IfNotBlocked
		reached[0][27] = 1;
		if (!(((int)now.mayEngage)))
			continue;
		/* merge: job = engage(35, 28, 35) */
		reached[0][28] = 1;
		(trpt+1)->bup.ovals = grab_ints(3);
		(trpt+1)->bup.ovals[0] = ((P0 *)_this)->job;
		((P0 *)_this)->job = 16;
#ifdef VAR_RANGES
		logval("Gate:job", ((P0 *)_this)->job);
#endif
		;
		if (TstOnly) return 1; /* TT */
		/* dead 2: job */  
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P0 *)_this)->job = 0;
		/* merge: .(goto)(35, 32, 35) */
		reached[0][32] = 1;
		;
		/* merge: lock = g(35, 33, 35) */
		reached[0][33] = 1;
		(trpt+1)->bup.ovals[1] = ((int)now.lock);
		now.lock = ((int)((P0 *)_this)->g);
#ifdef VAR_RANGES
		logval("lock", ((int)now.lock));
#endif
		;
		/* merge: .(goto)(0, 36, 35) */
		reached[0][36] = 1;
		;
		_m = 3; goto P999; /* 4 */
	case 19: // STATE 29 - switch.pml:62 - [(returned)] (35:0:3 - 1)
		IfNotBlocked
		reached[0][29] = 1;
		if (!(((int)now.returned)))
			continue;
		/* merge: job = release(35, 30, 35) */
		reached[0][30] = 1;
		(trpt+1)->bup.ovals = grab_ints(3);
		(trpt+1)->bup.ovals[0] = ((P0 *)_this)->job;
		((P0 *)_this)->job = 15;
#ifdef VAR_RANGES
		logval("Gate:job", ((P0 *)_this)->job);
#endif
		;
		if (TstOnly) return 1; /* TT */
		/* dead 2: job */  
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P0 *)_this)->job = 0;
		/* merge: .(goto)(35, 32, 35) */
		reached[0][32] = 1;
		;
		/* merge: lock = g(35, 33, 35) */
		reached[0][33] = 1;
		(trpt+1)->bup.ovals[1] = ((int)now.lock);
		now.lock = ((int)((P0 *)_this)->g);
#ifdef VAR_RANGES
		logval("lock", ((int)now.lock));
#endif
		;
		/* merge: .(goto)(0, 36, 35) */
		reached[0][36] = 1;
		;
		_m = 3; goto P999; /* 4 */
	case 20: // STATE 38 - switch.pml:64 - [-end-] (0:0:0 - 1)
		IfNotBlocked
		reached[0][38] = 1;
		if (!delproc(1, II)) continue;
		_m = 3; goto P999; /* 0 */
	case  _T5:	/* np_ */
		if (!((!(trpt->o_pm&4) && !(trpt->tau&128))))
			continue;
		/* else fall through */
	case  _T2:	/* true */
		_m = 3; goto P999;
#undef rand
	}


	switch (t->back) {
	default: Uerror("bad return move");
	case  0: goto R999; /* nothing to undo */

		 /* PROC :init: */

	case 3: // STATE 2
		;
		p_restor(II);
		;
		;
		goto R999;

		 /* PROC Gate */
;
		;
		
	case 5: // STATE 6
		;
		((P0 *)_this)->a = trpt->bup.ovals[1];
		((P0 *)_this)->o = trpt->bup.ovals[0];
		;
		ungrab_ints(trpt->bup.ovals, 3);
		goto R999;

	case 6: // STATE 6
		;
		((P0 *)_this)->a = trpt->bup.ovals[1];
		((P0 *)_this)->o = trpt->bup.ovals[0];
		;
		ungrab_ints(trpt->bup.ovals, 3);
		goto R999;

	case 7: // STATE 6
		;
		((P0 *)_this)->a = trpt->bup.ovals[0];
		;
		ungrab_ints(trpt->bup.ovals, 2);
		goto R999;

	case 8: // STATE 8
		;
		((P0 *)_this)->job = trpt->bup.ovals[1];
	/* 0 */	((P0 *)_this)->o = trpt->bup.ovals[0];
		;
		;
		ungrab_ints(trpt->bup.ovals, 3);
		goto R999;

	case 9: // STATE 33
		;
		now.lock = trpt->bup.ovals[1];
		((P0 *)_this)->free = trpt->bup.ovals[0];
		;
		ungrab_ints(trpt->bup.ovals, 3);
		goto R999;

	case 10: // STATE 33
		;
		now.lock = trpt->bup.ovals[1];
		((P0 *)_this)->free = trpt->bup.ovals[0];
		;
		ungrab_ints(trpt->bup.ovals, 2);
		goto R999;

	case 11: // STATE 33
		;
		now.lock = trpt->bup.ovals[2];
		((P0 *)_this)->job = trpt->bup.ovals[1];
	/* 0 */	((P0 *)_this)->o = trpt->bup.ovals[0];
		;
		;
		ungrab_ints(trpt->bup.ovals, 4);
		goto R999;

	case 12: // STATE 33
		;
		now.lock = trpt->bup.ovals[2];
		((P0 *)_this)->job = trpt->bup.ovals[1];
	/* 0 */	((P0 *)_this)->o = trpt->bup.ovals[0];
		;
		;
		ungrab_ints(trpt->bup.ovals, 4);
		goto R999;

	case 13: // STATE 33
		;
		now.lock = trpt->bup.ovals[2];
		((P0 *)_this)->job = trpt->bup.ovals[1];
	/* 0 */	((P0 *)_this)->o = trpt->bup.ovals[0];
		;
		;
		ungrab_ints(trpt->bup.ovals, 4);
		goto R999;

	case 14: // STATE 19
		;
		((P0 *)_this)->a = trpt->bup.oval;
		;
		goto R999;

	case 15: // STATE 20
		;
		((P0 *)_this)->a = trpt->bup.oval;
		;
		goto R999;

	case 16: // STATE 33
		;
		now.lock = trpt->bup.ovals[3];
		((P0 *)_this)->job = trpt->bup.ovals[2];
	/* 1 */	((P0 *)_this)->a = trpt->bup.ovals[1];
	/* 0 */	((P0 *)_this)->o = trpt->bup.ovals[0];
		;
		;
		ungrab_ints(trpt->bup.ovals, 5);
		goto R999;

	case 17: // STATE 33
		;
		now.lock = trpt->bup.oval;
		;
		goto R999;

	case 18: // STATE 33
		;
		now.lock = trpt->bup.ovals[1];
		((P0 *)_this)->job = trpt->bup.ovals[0];
		;
		ungrab_ints(trpt->bup.ovals, 3);
		goto R999;

	case 19: // STATE 33
		;
		now.lock = trpt->bup.ovals[1];
		((P0 *)_this)->job = trpt->bup.ovals[0];
		;
		ungrab_ints(trpt->bup.ovals, 3);
		goto R999;

	case 20: // STATE 38
		;
		p_restor(II);
		;
		;
		goto R999;
	}


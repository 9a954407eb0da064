// A client of "latentknobs serve osc". Copy it to Platform.userExtensionDir and recompile the class library.
//
// k = LatentKnobs.new;             // or LatentKnobs("192.168.0.7", 7770)
// k.set('/knob/pitch', 3);         // any address; the notes follow
// k.values['/knob/pitch'].postln;
// k.onNotes = { |notes| notes.postln };  // pitch, velocity, start and length in beats of each
// k.asPattern.play(TempoClock(k.values['/tempo'] / 60));
// k.free;
LatentKnobs {
	var <server, <values, <notes, <error, <>onNotes, <>onValue, <>onError, incoming, receiver, renewing;

	*new { |host = "127.0.0.1", port = 7770|
		^super.new.init(NetAddr(host, port))
	}

	init { |address|
		server = address;
		values = IdentityDictionary.new;
		notes = [];
		incoming = List.new;
		receiver = { |message, time, sender| if(sender.ip == server.ip) { this.prReceive(message) } };
		thisProcess.addOSCRecvFunc(receiver);
		renewing = true;
		SystemClock.sched(0, { if(renewing) { this.set('/subscribe', NetAddr.langPort, 60); 30 } });
	}

	set { |address ... arguments|
		if(arguments.size == 1) { values[address] = arguments[0] };
		server.sendMsg(address, *arguments);
	}

	// Several values as one change: k.setAll('/knob/pitch', 3, '/knob/rhythm', 1);
	setAll { |... pairs|
		pairs.pairsDo { |address, value| values[address] = value };
		server.sendBundle(nil, *pairs.clump(2));
	}

	asPattern {
		var starts = notes.collect { |note| note[2] };
		var ends = notes.collect { |note| note[2] + note[3] };
		if(notes.isEmpty) { ^Pn(Event.silent(1), 1) };
		^Pbind(
			\midinote, Pseq(notes.collect { |note| note[0] }),
			\amp, Pseq(notes.collect { |note| note[1] / 127 }),
			\delta, Pseq((starts ++ ends.last).differentiate.drop(1)),
			\sustain, Pseq(notes.collect { |note| note[3] })
		)
	}

	free {
		renewing = false;
		thisProcess.removeOSCRecvFunc(receiver);
		this.set('/unsubscribe');
	}

	prReceive { |message|
		switch(message[0],
			'/notes/begin', { incoming = List.new },
			'/note', { incoming.add(message[1..]) },
			'/notes/end', { notes = incoming.asArray; onNotes.value(notes) },
			'/steps', { values['/steps'] = message[1..] },
			'/error', { error = message[1..].collect(_.asString); onError.value(*error) },
			{ values[message[0]] = message[1]; onValue.value(message[0], message[1]) }
		)
	}
}

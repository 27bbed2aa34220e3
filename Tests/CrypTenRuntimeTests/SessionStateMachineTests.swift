import CrypTenBase
import CrypTenPlanning
import CrypTenRing
import CrypTenRuntime
import Testing

private typealias Machine = SessionStateMachine

private let plan = (fingerprint: [1] as [UInt8], bytes: 100)

private func form(_ name: UInt8 = 1, reads: [Int] = []) -> SessionStateMachine.Form {
    SessionStateMachine.Form(fingerprint: [name], keptInputs: reads.map { KeptRead($0) })
}

/// The code of what a body throws.
private func code(_ body: () throws -> Void) -> CrypTenError.Code? {
    do {
        try body()
        return nil
    } catch {
        return (error as? CrypTenError)?.code
    }
}

extension SessionStateMachine.Action {
    fileprivate var run: SessionStateMachine.Run {
        switch self {
        case .use(let run), .ask(let run, _, _): run
        }
    }

    fileprivate var summary: String {
        switch self {
        case .use(let run): "use \(run.number)"
        case .ask(let run, let released, let sendsPlan): "ask \(run.number) \(released) \(sendsPlan)"
        }
    }
}

extension SessionStateMachine {
    /// A run from its beginning to its end.
    @discardableResult
    fileprivate mutating func run(
        _ form: Form = form(),
        on reads: Reads = Reads(),
        plan: (fingerprint: [UInt8], bytes: Int) = plan,
        keeps: Int = 0
    ) throws -> Action {
        try beginRun(on: reads)
        let action = try nextRun(form, plan: plan, keeps: keeps)
        try finishedRun()
        return action
    }

    /// Runs that are dealt ahead, from beginning to end.
    fileprivate mutating func prepare(_ form: Form = form(), runs: Int, keeps: Int = 0) throws {
        _ = try beginPreparing(form, runs: runs)
        try finishedPreparing(try (0..<runs).map { _ in try nextAhead(plan: plan, keeps: keeps).run })
    }
}

@Suite("A party's bookkeeping")
struct SessionStateMachineTests {
    @Test("runs are numbered one after the other, and their words used once")
    func numbers() throws {
        var machine = Machine(party: 0)
        #expect(try machine.run().summary == "ask 1 [] true")
        try machine.prepare(runs: 2)
        #expect(try machine.run(form(2)).summary == "ask 4 [] false")
        #expect(try machine.run().summary == "use 2")
        #expect(try machine.run().summary == "use 3")
        #expect(try machine.run().summary == "ask 5 [] false")
        #expect(machine.preparedRuns == 0)
    }

    @Test("the last number is used, and none after it", arguments: [0, 1, 2])
    func wrap(left: UInt64) throws {
        var machine = Machine(party: 1, lastRun: .max - left)
        for number in 0..<left {
            #expect(try machine.run().summary == "ask \(UInt64.max - left + 1 + number) [] false")
        }
        try machine.beginRun(on: Machine.Reads())
        #expect(code { _ = try machine.nextRun(form(), plan: plan, keeps: 0) } == .wordReused)
        var ahead = Machine(party: 1, lastRun: .max - left)
        #expect(code { _ = try ahead.beginPreparing(form(), runs: Int(left) + 1) } == .wordReused)
        if left > 0 { #expect(try ahead.beginPreparing(form(), runs: Int(left)).upperBound == .max) }
    }

    /// A machine in each state.
    private static let states: [(name: String, make: @Sendable () throws -> SessionStateMachine)] = [
        ("idle", { Machine(party: 0) }),
        ("begun", { try made { try $0.beginRun(on: Machine.Reads()) } }),
        (
            "running",
            {
                try made {
                    try $0.beginRun(on: Machine.Reads())
                    _ = try $0.nextRun(form(), plan: plan, keeps: 0)
                }
            }
        ),
        ("preparing", { try made { _ = try $0.beginPreparing(form(), runs: 1) } }),
        ("ended", { try made { _ = $0.end(CrypTenError(.peerLost, "party 1 is gone")) } }),
    ]

    private static func made(_ body: (inout SessionStateMachine) throws -> Void) throws -> SessionStateMachine {
        var machine = Machine(party: 0)
        try body(&machine)
        return machine
    }

    private static let events: [(name: String, send: @Sendable (inout SessionStateMachine) throws -> Void)] = [
        ("input", { _ = try $0.newInput() }),
        ("placeholder", { _ = try $0.newPlaceholder() }),
        ("public input", { _ = try $0.newPublicInput() }),
        ("random", { _ = try $0.newRandom() }),
        ("begin", { try $0.beginRun(on: Machine.Reads()) }),
        ("prepare", { _ = try $0.beginPreparing(form(), runs: 1) }),
        ("next run", { _ = try $0.nextRun(form(), plan: plan, keeps: 0) }),
        ("next ahead", { _ = try $0.nextAhead(plan: plan, keeps: 0) }),
        ("finished", { try $0.finishedRun() }),
        ("prepared", { try $0.finishedPreparing([]) }),
        ("release", { _ = try $0.release([]) }),
    ]

    @Test("every event in every state is taken or refused by name")
    func table() throws {
        let answers: [String: [CrypTenError.Code?]] = [
            "idle": [nil, nil, nil, nil, nil, nil, .wordReused, .wordReused, .wordReused, .wordReused, nil],
            "begun": [
                nil, nil, nil, nil, .sessionBusy, .sessionBusy, nil, .wordReused, .wordReused, .wordReused,
                .sessionBusy,
            ],
            "running": [
                nil, nil, nil, nil, .sessionBusy, .sessionBusy, .wordReused, .wordReused, nil, .wordReused,
                .sessionBusy,
            ],
            "preparing": [
                nil, nil, nil, nil, .sessionBusy, .sessionBusy, .wordReused, nil, .wordReused, nil, .sessionBusy,
            ],
            "ended": Array(repeating: .sessionClosed, count: 11),
        ]
        for state in Self.states {
            for (event, answer) in zip(Self.events, try #require(answers[state.name])) {
                var machine = try state.make()
                #expect(code { try event.send(&machine) } == answer, "\(state.name): \(event.name)")
            }
        }
    }

    @Test("after the end everything is refused, and what ended it first is named")
    func ended() throws {
        for state in Self.states.dropLast() {
            var machine = try state.make()
            _ = machine.end(CrypTenError(.peerLost, "party 1 is gone"))
            #expect(machine.end(CrypTenError(.cancelled, "too late")) == [])
            for event in Self.events {
                let error = #expect(throws: CrypTenError.self) { try event.send(&machine) }
                #expect(error?.code == .sessionClosed && error?.message == "the session has ended: party 1 is gone")
            }
            #expect(!machine.hasSalt && machine.preparedRuns == 0)
        }
    }

    @Test("the end gives up what was dealt ahead, once, and no run of it is used")
    func discarded() throws {
        var machine = Machine(party: 0)
        try machine.prepare(runs: 2)
        try machine.prepare(form(2), runs: 1)
        try machine.run()
        #expect(machine.end(CrypTenError(.sessionClosed, "it was closed")).map(\.number) == [2, 3])
        #expect(machine.preparedRuns == 0)
        #expect(code { try machine.run() } == .sessionClosed)
    }

    @Test("a random tensor is drawn by one run, whatever becomes of it")
    func drawn() throws {
        var machine = Machine(party: 0)
        let number = try machine.newRandom()
        try machine.run(on: Machine.Reads(random: [number]))
        #expect(code { try machine.run(on: Machine.Reads(random: [number])) } == .invalidArgument)
        #expect(
            code { try machine.run(on: Machine.Reads(random: [try machine.newRandom(), number])) } == .invalidArgument
        )
        try machine.run()
    }

    @Test("inputs are run on, placeholders aren't; both have numbers of their own")
    func inputs() throws {
        var machine = Machine(party: 0)
        let (input, placeholder, other) = (
            try machine.newInput(), try machine.newPlaceholder(), try machine.newInput()
        )
        #expect(Set([input, placeholder, other]).count == 3)
        try machine.run(on: Machine.Reads(inputs: [input, other]))
        #expect(code { try machine.run(on: Machine.Reads(inputs: [input, placeholder])) } == .invalidArgument)
        try machine.run(on: Machine.Reads(inputs: [input]))
    }

    @Test("a value is kept when its run has ended, and read until it is released; the dealer hears of it once")
    func kept() throws {
        var machine = Machine(party: 0)
        #expect(code { try machine.run(on: Machine.Reads(kept: [0])) } == .sessionClosed)
        #expect(try machine.run(keeps: 2).run.keptOutputs == [0, 1])
        try machine.run(on: Machine.Reads(kept: [1, 0]))
        _ = try machine.release([1])
        #expect(code { try machine.run(on: Machine.Reads(kept: [1])) } == .sessionClosed)
        #expect(try machine.run(on: Machine.Reads(kept: [0]), keeps: 1).summary == "ask 3 [1] false")
        #expect(try machine.run().summary == "ask 4 [] false")
        #expect(try machine.run(keeps: 1).run.keptOutputs == [3])
    }

    @Test("values are released together or not at all", arguments: [[0, 0], [0, 7], [7], [1, 0, 1]])
    func releaseRefused(numbers: [Int]) throws {
        var machine = Machine(party: 0)
        try machine.run(keeps: 2)
        #expect(code { _ = try machine.release(numbers) } == .invalidArgument)
        try machine.run(on: Machine.Reads(kept: [0, 1]))
        #expect(try machine.release([0, 1]) == [])
        #expect(code { _ = try machine.release([0]) } == .invalidArgument)
    }

    @Test("what was dealt ahead to read a value goes with it, and so does what it would have kept")
    func releasePrepared() throws {
        var machine = Machine(party: 0)
        try machine.run(keeps: 2)
        try machine.prepare(form(1, reads: [0]), runs: 2, keeps: 1)
        try machine.prepare(form(1, reads: [1]), runs: 1, keeps: 1)
        #expect(try machine.release([0]).map(\.number) == [2, 3])
        #expect(machine.preparedRuns == 1)
        #expect(try machine.run(form(1, reads: [0])).summary == "ask 5 [0, 2, 3] false")
        #expect(try machine.run(form(1, reads: [1])).summary == "use 4")
        // What a run kept that was dealt ahead is there when it has been used.
        try machine.run(on: Machine.Reads(kept: [1, 4]))
    }

    @Test("party 0 sends a plan that the dealer lacks, others never do", arguments: [0, 1])
    func plans(party: Int) throws {
        var machine = Machine(party: party, plans: RecentlyUsed(capacity: 2, sizeLimit: 1000))
        let sent = try [1, 1, 2, 1, 3, 2, 1].map { (name: UInt8) -> Bool in
            guard case .ask(_, _, let sends) = try machine.run(plan: ([name], 100)) else { return false }
            return sends
        }
        #expect(sent == [true, false, true, false, true, true, true].map { $0 && party == 0 })
    }

    @Test("party 0 and the dealer forget the same plans, however many there are and however large", arguments: 1...5)
    func samePlans(seed: UInt64) throws {
        var random = seed &* 0x9E37_79B9_7F4A_7C15
        var party = Machine(party: 0, plans: RecentlyUsed(capacity: 8, sizeLimit: 100))
        var dealer = DealerStateMachine(parties: 2, window: 1, plans: RecentlyUsed(capacity: 8, sizeLimit: 100))
        var atDealer: Set<[UInt8]> = []
        let interface = PlanInterface(reads: [], keeps: [])
        for _ in 0..<1000 {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let name = [UInt8(random >> 60)]
            let plan = (fingerprint: name, bytes: Int(name[0]) * 3)
            guard case .ask(let run, let released, let sends) = try party.run(plan: plan) else { return }
            let request = try RunRequest(
                plan: name,
                binding: RunBinding(
                    fingerprint: "\(name)",
                    run: run.number,
                    keptInputs: [],
                    keptOutputs: [],
                    released: released,
                    use: .ahead(runs: 1)
                )
            )
            _ = dealer.requested(request, by: .party(1))
            guard
                case .deal(_, let gone) = dealer.requested(
                    request,
                    by: .party(0),
                    plan: sends ? (interface, plan.bytes) : nil
                )
            else {
                Issue.record("run \(run.number) isn't dealt")
                return
            }
            if sends { atDealer.insert(name) }
            atDealer.subtract(gone)
            #expect(atDealer.count <= 8 && atDealer.contains(name))
            _ = dealer.dealt(dealer.credit)
        }
    }
}

import CrypTenBase
import CrypTenPlanning
import CrypTenRing
import CrypTenRuntime
import Testing

/// A request for a run of a plan with a short name.
private func request(
    _ run: UInt64,
    plan: UInt8 = 1,
    reads: [Int] = [],
    keeps: [Int] = [],
    released: [Int] = [],
    inputs: [Int] = []
) throws -> RunRequest {
    try RunRequest(
        plan: [plan],
        binding: RunBinding(
            fingerprint: "plan \(plan)",
            run: run,
            keptInputs: reads.map { KeptRead($0) },
            keptOutputs: keeps,
            released: released,
            use: .now(OperandBinding(inputs: inputs, plainDigests: []))
        )
    )
}

private let share = PlanInterface.Kept(form: .share, shape: [2])
private let nothing = (interface: PlanInterface(reads: [], keeps: []), bytes: 100)

extension DealerStateMachine.Action {
    /// In a word or two.
    fileprivate var summary: String {
        switch self {
        case .wait(let parties, let patience): "wait \(parties.map(\.index)) \(patience)"
        case .deal(let request, _): "deal \(request.binding.run)"
        case .close: "close"
        case .fail(let error): "\(error.code)"
        }
    }

    fileprivate var error: CrypTenError? {
        if case .fail(let error) = self { error } else { nil }
    }
}

extension DealerStateMachine {
    /// All parties ask for the same; party 0 is first, with the plan where there is one.
    fileprivate mutating func all(
        _ parties: Int,
        _ request: RunRequest,
        plan: (interface: PlanInterface, bytes: Int)? = nil
    ) -> Action {
        var action = requested(request, by: .party(0), plan: plan)
        for party in 1..<parties { action = requested(request, by: .party(party)) }
        return action
    }

    /// A run that is dealt from beginning to end.
    fileprivate mutating func dealAll(
        _ parties: Int,
        _ request: RunRequest,
        plan: (interface: PlanInterface, bytes: Int)? = nil
    ) -> Action {
        let action = all(parties, request, plan: plan)
        guard case .deal = action else { return action }
        return dealt(credit)
    }
}

private func orders(_ count: Int) -> [[Int]] {
    count == 1
        ? [[0]]
        : orders(count - 1).flatMap { order in
            (0..<count).map { place in Array(order[..<place]) + [count - 1] + Array(order[place...]) }
        }
}

@Suite("The dealer's bookkeeping")
struct DealerStateMachineTests {
    private static let window = 1000

    /// Two parties, or more, and nothing has happened.
    private func machine(_ parties: Int = 2) -> DealerStateMachine {
        DealerStateMachine(parties: parties, window: Self.window)
    }

    @Test("a run is dealt when all have asked, in whatever order", arguments: [2, 3].flatMap(orders))
    func arrival(order: [Int]) throws {
        var machine = self.machine(order.count)
        #expect(machine.start.summary == "wait \(order.indices.map { $0 }) idle")
        for run in 1...3 as ClosedRange<UInt64> {
            var missing = Set(order)
            for party in order {
                missing.remove(party)
                let plan = run == 1 && party == 0 ? nothing : nil
                let action = machine.requested(try request(run), by: .party(party), plan: plan)
                #expect(action.summary == (missing.isEmpty ? "deal \(run)" : "wait \(missing.sorted()) step"))
            }
            #expect(machine.dealt(machine.credit).summary == "wait \(order.indices.map { $0 }) idle")
        }
    }

    @Test("parties leave in whatever order", arguments: [2, 3].flatMap(orders))
    func goodbyes(order: [Int]) {
        var machine = self.machine(order.count)
        var missing = Set(order)
        for party in order {
            missing.remove(party)
            let action = machine.left(.party(party))
            #expect(action.summary == (missing.isEmpty ? "close" : "wait \(missing.sorted()) step"))
        }
    }

    /// A machine in each state that two parties can bring about.
    private static let states: [(name: String, make: @Sendable () throws -> DealerStateMachine)] = {
        func make(
            _ body: @escaping @Sendable (inout DealerStateMachine) throws -> Void
        )
            -> @Sendable () throws ->
            DealerStateMachine
        {
            {
                var machine = DealerStateMachine(parties: 2, window: window)
                _ = machine.dealAll(2, try request(1), plan: nothing)
                try body(&machine)
                return machine
            }
        }
        return [
            ("idle", make { _ in }),
            ("0 asked", make { _ = $0.requested(try request(2), by: .party(0)) }),
            ("1 asked", make { _ = $0.requested(try request(2), by: .party(1)) }),
            ("dealing", make { _ = $0.all(2, try request(2)) }),
            ("0 left", make { _ = $0.left(.party(0)) }),
            ("1 left", make { _ = $0.left(.party(1)) }),
            ("ended", make { machine in for party in 0...1 { _ = machine.left(.party(party)) } }),
            ("failed", make { _ = $0.failed(CrypTenError(.outOfRange, "first")) }),
        ]
    }()

    private static let events:
        [(name: String, send: @Sendable (inout DealerStateMachine) throws -> DealerStateMachine.Action)] = [
            ("0 asks", { $0.requested(try request(2), by: .party(0)) }),
            ("1 asks", { $0.requested(try request(2), by: .party(1)) }),
            ("0 leaves", { $0.left(.party(0)) }),
            ("1 leaves", { $0.left(.party(1)) }),
            ("0 grants", { $0.credited(0, run: 1, by: .party(0)) }),
            ("1 grants", { $0.credited(0, run: 1, by: .party(1)) }),
            ("dealt", { $0.dealt($0.credit) }),
            ("too late", { $0.waitedTooLong() }),
            ("lost", { $0.failed(CrypTenError(.peerLost, "party 1 is gone")) }),
        ]

    @Test("every event in every state has its answer")
    func table() throws {
        let answers: [String: [String]] = [
            "idle": [
                "wait [1] step", "wait [0] step", "wait [1] step", "wait [0] step", "malformedFrame",
                "wait [0, 1] idle",
                "wordReused", "timedOut", "peerLost",
            ],
            "0 asked": [
                "wordReused", "deal 2", "diverged", "diverged", "malformedFrame", "wait [1] step", "wordReused",
                "timedOut",
                "peerLost",
            ],
            "1 asked": [
                "deal 2", "wordReused", "diverged", "diverged", "malformedFrame", "wait [0] step", "wordReused",
                "timedOut",
                "peerLost",
            ],
            "dealing": [
                "diverged", "diverged", "diverged", "diverged", "diverged", "diverged", "wait [0, 1] idle", "timedOut",
                "peerLost",
            ],
            "0 left": [
                "diverged", "diverged", "wait [1] step", "close", "malformedFrame", "wait [1] step", "wordReused",
                "timedOut", "peerLost",
            ],
            "1 left": [
                "diverged", "diverged", "close", "wait [0] step", "malformedFrame", "wait [0] step", "wordReused",
                "timedOut", "peerLost",
            ],
            "ended": Array(repeating: "close", count: 9),
            "failed": Array(repeating: "outOfRange", count: 9),
        ]
        for state in Self.states {
            for (event, answer) in zip(Self.events, try #require(answers[state.name])) {
                var machine = try state.make()
                let action = try event.send(&machine)
                #expect(action.summary == answer, "\(state.name): \(event.name)")
                // A failure is for good: the same is said whatever comes, and nothing is dealt.
                guard let failure = action.error else { continue }
                for later in Self.events {
                    let error = try later.send(&machine).error
                    #expect(error?.message == failure.message, "\(state.name): \(event.name): \(later.name)")
                }
            }
        }
    }

    @Test("a party that is lost ends it in every state, and is named", arguments: [0, 1])
    func lost(party: Int) throws {
        for state in Self.states.dropLast(2) {
            var machine = try state.make()
            let error = machine.failed(CrypTenError(.peerLost, "the connection to party \(party) ended")).error
            #expect(error?.code == .peerLost && error?.message.contains("party \(party)") == true)
            #expect(machine.start.error?.code == .peerLost)
        }
    }

    @Test("who is missing is named when time is up")
    func missing() throws {
        var three = machine(3)
        _ = three.requested(try request(1), by: .party(1), plan: nil)
        let asked = try #require(three.waitedTooLong().error)
        #expect(asked.message.hasPrefix("party 1 asked for run 1, and party 0 and party 2 did not in time"))
        var leaving = machine(3)
        for party in [2, 0] { _ = leaving.left(.party(party)) }
        let left = try #require(leaving.waitedTooLong().error)
        #expect(left.message == "party 0 and party 2 closed the session, and party 1 did not in time")
    }

    @Test(
        "runs follow one another without gaps, and none is dealt twice",
        arguments: [
            (5, 0, "wordReused"), (5, 4, "wordReused"), (5, 5, "wordReused"), (5, 6, "wait"), (5, 7, "diverged"),
        ]
            as [(UInt64, UInt64, String)] + [
                (.max - 1, .max, "wait"), (.max, .max, "wordReused"), (.max, 0, "wordReused"), (.max, 1, "wordReused"),
            ]
    )
    func numbers(last: UInt64, asked: UInt64, answer: String) throws {
        for party in 0...1 {
            var machine = DealerStateMachine(parties: 2, window: 10, highWater: last)
            let action = machine.requested(try request(asked), by: .party(party))
            #expect(action.summary.hasPrefix(answer))
        }
    }

    @Test("a run that begins is never dealt again, whatever becomes of it")
    func oneAttempt() throws {
        var machine = self.machine()
        _ = machine.dealAll(2, try request(1), plan: nothing)
        #expect(machine.all(2, try request(1)).error?.code == .wordReused)
        // Nor is it where the first attempt was refused.
        var refused = self.machine()
        #expect(refused.all(2, try request(1, plan: 9)).error?.code == .diverged)
        #expect(refused.all(2, try request(1), plan: nothing).error?.code == .diverged)
    }

    @Test("what differs between two requests is named")
    func differences() throws {
        let first = try request(1)
        let others: [(RunRequest, String)] = [
            (try request(1, plan: 2), "their plans"), (try request(1, reads: [0]), "the kept values that they read"),
            (try request(1, keeps: [0]), "the values that they keep"), (try request(1, inputs: [3]), "the inputs"),
        ]
        for (other, text) in others {
            for order in [[0, 1], [1, 0]] {
                var machine = self.machine()
                _ = machine.requested(order[0] == 0 ? first : other, by: .party(order[0]), plan: nil)
                let error = machine.requested(order[1] == 0 ? first : other, by: .party(order[1])).error
                #expect(error?.code == .diverged)
                #expect(error?.message.contains("party 0 and party 1 asked for different runs (\(text)") == true)
            }
        }
    }

    // MARK: Plans

    @Test("a plan that nobody sent is not dealt, nor one that another than party 0 sends")
    func unknownPlan() throws {
        var unknown = machine()
        #expect(
            unknown.all(2, try request(1)).error?.message == "the parties asked for a plan that party 0 has not sent"
        )
        var other = machine()
        let action = other.requested(try request(1), by: .party(1), plan: nothing)
        #expect(action.error?.code == .malformedFrame)
    }

    @Test("a plan may be sent again, but not another one under its name")
    func samePlan() throws {
        var machine = self.machine()
        _ = machine.dealAll(2, try request(1), plan: nothing)
        #expect(machine.dealAll(2, try request(2), plan: nothing).summary == "wait [0, 1] idle")
        let other = (interface: PlanInterface(reads: [], keeps: [share]), bytes: 100)
        #expect(machine.requested(try request(3), by: .party(0), plan: other).error?.code == .malformedFrame)
    }

    @Test("the plan that wasn't run for longest is forgotten, and must come again")
    func forgotten() throws {
        var machine = DealerStateMachine(parties: 2, window: 10, plans: RecentlyUsed(capacity: 2, sizeLimit: 1000))
        for (run, plan) in zip([1, 2, 3] as [UInt64], [1, 2, 1] as [UInt8]) {
            _ = machine.dealAll(2, try request(run, plan: plan), plan: run < 3 ? nothing : nil)
        }
        guard case .deal(_, let gone) = machine.all(2, try request(4, plan: 3), plan: nothing) else {
            Issue.record("not dealt")
            return
        }
        #expect(gone == [[2]])
        _ = machine.dealt(machine.credit)
        #expect(machine.dealAll(2, try request(5, plan: 1)).error == nil)
        #expect(machine.dealAll(2, try request(6, plan: 2)).error?.code == .diverged)
    }

    // MARK: Kept values

    @Test("a value is read as it was kept, until it is released")
    func kept() throws {
        let makes = (interface: PlanInterface(reads: [], keeps: [share, share]), bytes: 1)
        let reads = (interface: PlanInterface(reads: [share], keeps: []), bytes: 1)
        let wire = PlanInterface.Kept(form: .wire(owner: nil), shape: [2])
        func kept() throws -> DealerStateMachine {
            var machine = self.machine()
            _ = machine.dealAll(2, try request(1, keeps: [0, 1]), plan: makes)
            return machine
        }
        let cases: [(RunRequest, PlanInterface, CrypTenError.Code?)] = [
            (try request(2, plan: 2, reads: [0]), reads.interface, nil),
            (try request(2, plan: 2, reads: [0], released: [1]), reads.interface, nil),
            (try request(2, plan: 2, reads: [0], released: [0]), reads.interface, .diverged),
            (try request(2, plan: 2, reads: [2]), reads.interface, .diverged),
            (try request(2, plan: 2, reads: [-1]), reads.interface, .diverged),
            (try request(2, plan: 2, reads: [0, 1]), reads.interface, .diverged),
            (try request(2, plan: 2), reads.interface, .diverged),
            (try request(2, plan: 2, reads: [0]), PlanInterface(reads: [wire], keeps: []), .diverged),
            (try request(2, plan: 2, released: [2]), nothing.interface, .diverged),
            (try request(2, plan: 2, released: [0, 0]), nothing.interface, .diverged),
            (try request(2, plan: 2, keeps: [2]), PlanInterface(reads: [], keeps: [wire]), nil),
            (try request(2, plan: 2, keeps: [0]), PlanInterface(reads: [], keeps: [wire]), .wordReused),
            (try request(2, plan: 2, keeps: [3]), PlanInterface(reads: [], keeps: [wire]), .wordReused),
            (try request(2, plan: 2, keeps: []), PlanInterface(reads: [], keeps: [wire]), .diverged),
            (try request(2, plan: 2, keeps: [2]), nothing.interface, .diverged),
        ]
        for (index, (request, interface, code)) in cases.enumerated() {
            var machine = try kept()
            #expect(machine.all(2, request, plan: (interface, 1)).error?.code == code, "case \(index)")
        }
        var machine = try kept()
        _ = machine.dealAll(2, try request(2, plan: 2, released: [0]), plan: nothing)
        #expect(machine.all(2, try request(3, plan: 3, reads: [0]), plan: reads).error?.code == .diverged)
    }

    // MARK: Credit

    @Test("credit is taken for what was sent, in this run or an earlier one, and no more")
    func credit() throws {
        let last = Role.party(PartyID(1))
        var account = CreditAccount(window: 100)
        account.begin(run: 1)
        account.sent(60)
        #expect(account.hasRoom(for: 40) && !account.hasRoom(for: 41))
        try account.granted(20, run: 1, by: last)
        #expect(account.hasRoom(for: 60) && !account.hasRoom(for: 61))
        account.begin(run: 2)
        #expect(account.hasRoom(for: 100))
        account.sent(10)
        try account.granted(30, run: 1, by: last)
        try account.granted(0, run: 0, by: last)
        func code(_ bytes: UInt64, run: UInt64) -> CrypTenError.Code? {
            var account = account
            return #expect(throws: CrypTenError.self) { try account.granted(bytes, run: run, by: last) }?.code
        }
        #expect(code(11, run: 1) == .malformedFrame, "of 60 bytes 50 were given back")
        #expect(code(11, run: 2) == .malformedFrame)
        #expect(code(.max, run: 2) == .malformedFrame)
        #expect(code(0, run: 3) == .diverged)
    }

    @Test("credit between runs comes from the last party, for what it was sent", arguments: [2, 3])
    func creditBetweenRuns(parties: Int) throws {
        func after(_ sent: Int) throws -> DealerStateMachine {
            var machine = self.machine(parties)
            _ = machine.all(parties, try request(1), plan: nothing)
            var credit = machine.credit
            credit.sent(sent)
            _ = machine.dealt(credit)
            return machine
        }
        var machine = try after(100)
        let last = PartyID(parties - 1)
        #expect(machine.credited(60, run: 1, by: last).error == nil)
        #expect(machine.credited(40, run: 1, by: last).error == nil)
        #expect(machine.credited(1, run: 1, by: last).error?.code == .malformedFrame)
        for party in 0..<parties - 1 {
            var machine = try after(100)
            #expect(machine.credited(1, run: 1, by: .party(party)).error?.code == .malformedFrame)
        }
        var ahead = try after(100)
        #expect(ahead.credited(0, run: 2, by: last).error?.code == .diverged)
    }
}

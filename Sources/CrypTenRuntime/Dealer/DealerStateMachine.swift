package import CrypTenBase
import CrypTenPlanning

/// The dealer's bookkeeping: what may be dealt, and what not; events in, actions out, no input or output.
///
/// A run is dealt when all parties have asked for the same one, in whatever order they come. Runs are numbered without gaps,
/// and none is dealt twice; a plan must be known, and the values that it reads must be what earlier runs kept. When one party
/// has asked, the others are given less time than when none has: until then each may compute as long as it likes.
///
/// Parties may also leave in whatever order, between runs. After a failure everything is refused, with that failure.
package struct DealerStateMachine: Sendable {
    private enum State {
        /// Something may still come. Next: `.ended` when all parties have left, or `.failed`.
        case open(Phase)
        case ended
        case failed(CrypTenError)
    }

    private enum Phase {
        /// Some parties have asked for the next run, perhaps none. Next: `.dealing` when all have; `.leaving` when one leaves
        /// before any has asked.
        case gathering([Int: RunRequest])
        /// All have asked, and the run is being dealt. Next: `.gathering`.
        case dealing(RunRequest)
        /// These have left.
        case leaving(Set<Int>)
    }

    /// How long to wait.
    package enum Patience: Sendable, Hashable {
        /// As long as a dealer waits between runs.
        case idle
        /// As long as one step of a run may take a peer that is alive.
        case step
    }

    /// What the driver must do now.
    package enum Action: Sendable {
        /// Wait for a request, a credit or the goodbye of one of these parties.
        case wait(for: [PartyID], Patience)
        /// Deal a run, after forgetting plans.
        case deal(RunRequest, forgetting: [[UInt8]])
        /// Close: all parties have left.
        case close
        /// Tell the parties, and forget everything.
        case fail(CrypTenError)
    }

    private let parties: Int
    private var state = State.open(.gathering([:]))
    /// Runs up to this number were dealt, or begun.
    private var highWater: UInt64
    /// By fingerprint.
    private var plans: RecentlyUsed<[UInt8], PlanInterface>
    /// Plans that went when the last one came.
    private var forgotten: [[UInt8]] = []
    /// What earlier runs have kept, by the parties' number.
    private var kept: [Int: PlanInterface.Kept] = [:]
    /// The number of the next value that is kept.
    private var nextKept = 0
    /// What the last party was sent, and has given back.
    package private(set) var credit: CreditAccount

    /// The bookkeeping of a session that begins.
    ///
    /// - Parameters:
    ///   - parties: How many there are.
    ///   - window: The bytes of corrections that may be on their way.
    ///   - highWater: The number of the last run.
    ///   - plans: A list without plans, as large as party 0's.
    package init(
        parties: Int,
        window: Int,
        highWater: UInt64 = 0,
        plans: RecentlyUsed<[UInt8], PlanInterface> = .dealerPlans
    ) {
        self.parties = parties
        self.highWater = highWater
        self.plans = plans
        credit = CreditAccount(window: window)
    }

    /// What there is to do before anything has happened.
    package var start: Action {
        next
    }

    // MARK: Events

    /// A party asks for a run, and sends the plan or doesn't.
    ///
    /// - Parameters:
    ///   - request: What it asks for.
    ///   - party: Who asks.
    ///   - plan: What the plan reads and keeps, and its size, where it came with the request.
    /// - Returns: `.deal` when all have asked for the same, and it may be dealt.
    package mutating func requested(
        _ request: RunRequest,
        by party: PartyID,
        plan: (interface: PlanInterface, bytes: Int)? = nil
    ) -> Action {
        attempt { machine, phase in
            switch phase {
            case .gathering(var requests):
                try machine.check(request, by: party, requests)
                if let plan { try machine.add(plan, of: request, from: party) }
                requests[party.index] = request
                guard requests.count == machine.parties else {
                    machine.state = .open(.gathering(requests))
                    return machine.next
                }
                return try machine.begin(request)
            case .dealing(let run):
                throw CrypTenError(
                    .diverged,
                    "\(party) asked for run \(request.binding.run) while run \(run.binding.run) is dealt",
                    telling: Disclosure(.anotherProgram, about: .party(party))
                )
            case .leaving(let gone):
                throw CrypTenError(
                    .diverged,
                    "\(party) asked for another run, and \(names(gone)) closed the session",
                    telling: Disclosure(.left, about: gone.min().map { .party(PartyID($0)) })
                )
            }
        }
    }

    /// A party gives back what it was sent.
    package mutating func credited(_ bytes: UInt64, run: UInt64, by party: PartyID) -> Action {
        attempt { machine, phase in
            switch phase {
            case .gathering, .leaving:
                guard party.index == machine.parties - 1 else {
                    throw CrypTenError(.malformedFrame, "\(party) granted credit, and is sent no corrections")
                        .telling(.malformedFrame, about: .party(party))
                }
                try machine.credit.granted(bytes, run: run, by: .party(party))
                return machine.next
            case .dealing(let run):
                throw CrypTenError(.diverged, "credit that belongs to run \(run.binding.run) came past it")
            }
        }
    }

    /// The run has been dealt; `credit` is what became of the account meanwhile.
    package mutating func dealt(_ credit: CreditAccount) -> Action {
        attempt { machine, phase in
            switch phase {
            case .dealing(let run):
                guard let interface = machine.plans.peek(run.plan) else {
                    preconditionFailure("a plan that was begun is the last to be forgotten")
                }
                for (number, value) in zip(run.binding.keptOutputs, interface.keeps) { machine.kept[number] = value }
                machine.credit = credit
                machine.state = .open(.gathering([:]))
                return machine.next
            case .gathering, .leaving:
                throw CrypTenError(.wordReused, "a run was dealt that nobody has asked for")
            }
        }
    }

    /// A party has left in good order.
    package mutating func left(_ party: PartyID) -> Action {
        attempt { machine, phase in
            var gone: Set = [party.index]
            switch phase {
            case .gathering(let requests):
                if let run = requests.values.first?.binding.run {
                    throw CrypTenError(
                        .diverged,
                        "\(party) closed the session, and \(names(Set(requests.keys))) asked for run \(run)",
                        telling: Disclosure(.left, about: .party(party))
                    )
                }
            case .leaving(let others):
                gone.formUnion(others)
            case .dealing(let run):
                throw CrypTenError(.diverged, "\(party) closed the session in the middle of run \(run.binding.run)")
                    .telling(.left, about: .party(party))
            }
            machine.state = gone.count == machine.parties ? .ended : .open(.leaving(gone))
            return machine.next
        }
    }

    /// Nobody of those who were waited for has come in time.
    package mutating func waitedTooLong() -> Action {
        attempt { machine, phase in
            switch phase {
            case .gathering(let requests):
                guard let run = requests.values.first?.binding.run else {
                    throw CrypTenError(.timedOut, "no party has asked for a run for a long time, or closed the session")
                }
                throw CrypTenError(
                    .timedOut,
                    """
                    \(names(Set(requests.keys))) asked for run \(run), and \(names(machine.missing)) did not in time; \
                    all parties must run the same program
                    """,
                    telling: machine.missingInTime
                )
            case .leaving(let gone):
                throw CrypTenError(
                    .timedOut,
                    "\(names(gone)) closed the session, and \(names(machine.missing)) did not in time",
                    telling: machine.missingInTime
                )
            case .dealing(let run):
                throw CrypTenError(.timedOut, "run \(run.binding.run) could not be dealt in time")
            }
        }
    }

    /// A peer was lost or gave up, or what was to be done failed; the first failure stays.
    package mutating func failed(_ error: CrypTenError) -> Action {
        if case .open = state {
            state = .failed(error)
            plans.removeAll()
            kept = [:]
        }
        return next
    }

    // MARK: Decisions

    /// Whether everything is refused from now on.
    package var hasFailed: Bool {
        if case .failed = state { true } else { false }
    }

    /// Who is waited for.
    private var missing: Set<Int> {
        let here: Set<Int> =
            switch state {
            case .open(.gathering(let requests)): Set(requests.keys)
            case .open(.leaving(let gone)): gone
            case .open(.dealing), .ended, .failed: Set(0..<parties)
            }
        return Set(0..<parties).subtracting(here)
    }

    /// What the others are told when those who were waited for don't come.
    private var missingInTime: Disclosure {
        Disclosure(.late, about: missing.min().map { .party(PartyID($0)) })
    }

    private var next: Action {
        switch state {
        case .open(.gathering(let requests)):
            .wait(for: missing.sorted().map { PartyID($0) }, requests.isEmpty ? .idle : .step)
        case .open(.leaving):
            .wait(for: missing.sorted().map { PartyID($0) }, .step)
        case .open(.dealing(let run)):
            .fail(CrypTenError(.wordReused, "run \(run.binding.run) is dealt already"))
        case .ended:
            .close
        case .failed(let error):
            .fail(error)
        }
    }

    /// What an event leads to; after the end nothing leads anywhere.
    private mutating func attempt(_ body: (inout DealerStateMachine, Phase) throws -> Action) -> Action {
        guard case .open(let phase) = state else { return next }
        do {
            return try body(&self, phase)
        } catch {
            return failed(error as? CrypTenError ?? CrypTenError(.partyFailed, "the dealer failed", cause: error))
        }
    }

    /// Whether a request is for the run that is due, and the one that others asked for.
    private func check(_ request: RunRequest, by party: PartyID, _ requests: [Int: RunRequest]) throws {
        let run = request.binding.run
        guard run > highWater else {
            throw CrypTenError(.wordReused, "run \(run) was dealt already; a run is never dealt twice (\(party) asked)")
        }
        guard run == highWater + 1 else {
            throw CrypTenError(.diverged, "\(party) asked for run \(run), and run \(highWater + 1) is due")
                .telling(.anotherProgram, about: .party(party))
        }
        guard requests[party.index] == nil else {
            throw CrypTenError(.wordReused, "\(party) asked for run \(run) twice")
        }
        guard let (other, first) = requests.min(by: { $0.key < $1.key }),
            let difference = request.difference(from: first)
        else { return }
        let (one, two) = other < party.index ? (first, request) : (request, first)
        throw CrypTenError(
            .diverged,
            """
            \(names([other, party.index])) asked for different runs (\(difference) differ): \
            run \(one.binding.run) of plan \(one.binding.fingerprint.prefix(12)), \
            run \(two.binding.run) of plan \(two.binding.fingerprint.prefix(12)); \
            all parties must run the same program on the same shapes and weights
            """,
            telling: Disclosure(.anotherProgram, about: .party(party))
        )
    }

    private mutating func add(
        _ plan: (interface: PlanInterface, bytes: Int),
        of request: RunRequest,
        from party: PartyID
    ) throws {
        guard party.index == 0 else {
            throw CrypTenError(.malformedFrame, "\(party) sent a plan; party 0 does that for all")
                .telling(.malformedFrame, about: .party(party))
        }
        if let known = plans.peek(request.plan), known != plan.interface {
            throw CrypTenError(.malformedFrame, "\(party) sent two plans under one name")
                .telling(.malformedFrame, about: .party(party))
        }
        forgotten = plans.insert(plan.interface, for: request.plan, size: plan.bytes)
    }

    /// All have asked for the same run: it is dealt if it can be, and never again.
    private mutating func begin(_ request: RunRequest) throws -> Action {
        let binding = request.binding
        highWater = binding.run
        guard let plan = plans.use(request.plan) else {
            throw CrypTenError(.diverged, "the parties asked for a plan that party 0 has not sent")
        }
        for number in binding.released {
            guard kept.removeValue(forKey: number) != nil else {
                throw CrypTenError(.diverged, "the parties released value \(number), which the dealer doesn't have")
            }
        }
        guard binding.keptInputs.count == plan.reads.count else {
            throw CrypTenError(
                .diverged,
                "the plan reads \(plan.reads.count) kept values, the parties named \(binding.keptInputs.count)"
            )
        }
        for (input, read) in zip(binding.keptInputs, plan.reads) {
            guard let value = kept[input.number] else {
                throw CrypTenError(
                    .diverged,
                    "the parties read kept value \(input.number), which the dealer doesn't have"
                )
            }
            guard value.reading(input.rows) == read else {
                throw CrypTenError(
                    .diverged,
                    "the plan reads kept value \(input.number) in another form or shape than it was kept in"
                )
            }
        }
        guard binding.keptOutputs.count == plan.keeps.count else {
            throw CrypTenError(
                .diverged,
                "the plan keeps \(plan.keeps.count) values, the parties named \(binding.keptOutputs.count)"
            )
        }
        for number in binding.keptOutputs {
            guard number == nextKept else {
                throw CrypTenError(
                    .wordReused,
                    "the parties keep a value as number \(number), where \(nextKept) is the next one"
                )
            }
            nextKept += 1
        }
        credit.begin(run: binding.run)
        state = .open(.dealing(request))
        defer { forgotten = [] }
        return .deal(request, forgetting: forgotten)
    }
}

/// "party 0", "party 0 and party 2", "party 0, party 1 and party 2".
private func names(_ parties: Set<Int>) -> String {
    let names = parties.sorted().map { "\(PartyID($0))" }
    guard let last = names.last, names.count > 1 else { return names.joined() }
    return names.dropLast().joined(separator: ", ") + " and " + last
}

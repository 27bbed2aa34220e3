package import CrypTenBase
package import CrypTenPlanning

/// A party's bookkeeping: which numbers are given, which words are used up, and what is under way; events in, actions out, no
/// input or output.
///
/// Each run's words come from its number, so what is here decides that no word is used twice: a number is given once; a run
/// that was dealt ahead is used once, by an expression of the form that it was dealt for, or discarded; a random tensor is
/// drawn by one run; a value that was released is never read again. What the caller did wrong is thrown and changes nothing.
/// Once the session has ended, for whatever reason, everything is refused.
package struct SessionStateMachine: Sendable {
    private enum State {
        /// Nothing is under way. Next: `.running`, `.preparing`, `.ended`.
        case idle
        /// A run is being made. Next: `.idle`, or `.ended` when anything of it fails.
        case running(Run?)
        /// Runs are being dealt ahead. Next: as for `.running`.
        case preparing(Form)
        /// This ended the session.
        case ended(CrypTenError)
    }

    /// What expressions must have in common with those that a run was dealt for.
    package struct Form: Hashable, Sendable {
        /// The plan's.
        package let fingerprint: [UInt8]
        /// What is read of the session's kept values, in the plan's order.
        package let keptInputs: [KeptRead]

        package init(fingerprint: [UInt8], keptInputs: [KeptRead]) {
            self.fingerprint = fingerprint
            self.keptInputs = keptInputs
        }
    }

    /// What a plan is to be run on.
    package struct Reads: Hashable, Sendable {
        package var inputs: [Int]
        package var random: [Int]
        package var kept: [Int]

        package init(inputs: [Int] = [], random: [Int] = [], kept: [Int] = []) {
            self.inputs = inputs
            self.random = random
            self.kept = kept
        }
    }

    /// A run of this session.
    package struct Run: Hashable, Sendable {
        /// No other run of the session has the same.
        package let number: UInt64
        /// The numbers under which its outputs are kept.
        package let keptOutputs: [Int]
    }

    /// What the driver must do to get a run's words.
    package enum Action: Hashable, Sendable {
        /// Use what was dealt ahead.
        case use(Run)
        /// Ask the dealer for the run, telling it what was released; party 0 sends the plan where the dealer lacks it.
        case ask(Run, released: [Int], sendsPlan: Bool)
    }

    private var state = State.idle
    private let party: Int
    private var lastRun: UInt64
    private var nextInput = 0
    private var nextPublic = 0
    private var nextRandom = 0
    private var nextKept = 0
    /// Inputs that nobody has put in have numbers below zero.
    private var nextPlaceholder = -1
    /// Random values that a run has drawn.
    private var drawn = RangeSet<Int>()
    private var kept: Set<Int> = []
    /// Values that were given up since the dealer was asked last.
    private var released: [Int] = []
    /// Runs that were dealt ahead and are not used yet, the oldest first.
    private var prepared: [Form: ArraySlice<Run>] = [:]
    /// What the dealer has, by fingerprint.
    private var plansAtDealer: RecentlyUsed<[UInt8], Void>
    /// Whether the parties have agreed on what the dealer must not know.
    package private(set) var hasSalt = false

    /// The bookkeeping of a session that begins.
    ///
    /// - Parameters:
    ///   - party: Whose it is.
    ///   - lastRun: The number of the last run.
    ///   - plans: A list as large as the dealer's.
    package init(party: Int, lastRun: UInt64 = 0, plans: RecentlyUsed<[UInt8], Void> = .dealerPlans) {
        self.party = party
        self.lastRun = lastRun
        plansAtDealer = plans
    }

    /// - Throws: `.sessionClosed`, naming what ended the session, when it has ended.
    package func check() throws {
        if case .ended(let error) = state {
            throw CrypTenError(.sessionClosed, "the session has ended: \(error.message)", cause: error)
        }
    }

    /// Whether nothing is under way, and the session hasn't ended.
    private func checkIdle() throws {
        try check()
        guard case .idle = state else {
            throw CrypTenError(.sessionBusy, "a run of this session is under way; runs come one after the other")
        }
    }

    // MARK: Numbers

    /// The number of an input that its owner has.
    package mutating func newInput() throws -> Int {
        try check()
        defer { nextInput += 1 }
        return nextInput
    }

    /// The number of an input that nobody has yet.
    package mutating func newPlaceholder() throws -> Int {
        try check()
        defer { nextPlaceholder -= 1 }
        return nextPlaceholder
    }

    /// The number of a tensor that all parties know.
    package mutating func newPublicInput() throws -> Int {
        try check()
        defer { nextPublic += 1 }
        return nextPublic
    }

    /// The number of a tensor that one run will draw.
    package mutating func newRandom() throws -> Int {
        try check()
        defer { nextRandom += 1 }
        return nextRandom
    }

    // MARK: Runs

    /// Whether a plan can run on something.
    ///
    /// - Throws: `.invalidArgument` for a random tensor that was drawn, or a placeholder; `.sessionClosed` for a value that was
    ///   released, or when the session has ended; `.sessionBusy`.
    package func check(_ reads: Reads) throws {
        try checkIdle()
        guard !reads.random.contains(where: drawn.contains) else {
            throw CrypTenError(
                .invalidArgument,
                "a random tensor is drawn once, and an earlier run drew it: evaluate it, and use what that keeps"
            )
        }
        guard reads.inputs.allSatisfy({ $0 >= 0 }) else {
            throw CrypTenError(
                .invalidArgument,
                "a placeholder has no numbers to run on: make the expression anew from inputs"
            )
        }
        try check(kept: reads.kept)
    }

    /// Whether values are kept.
    package func check(kept numbers: [Int]) throws {
        if let gone = numbers.first(where: { !kept.contains($0) }) {
            throw CrypTenError(.sessionClosed, "kept value \(gone) was released")
        }
    }

    /// A run on something begins: what it draws is drawn, whatever becomes of it.
    ///
    /// - Throws: as ``check(_:)``.
    package mutating func beginRun(on reads: Reads) throws {
        try check(reads)
        for number in reads.random { drawn.insert(contentsOf: number..<number + 1) }
        state = .running(nil)
    }

    /// Runs of a form are to be dealt ahead.
    ///
    /// - Returns: Their numbers.
    /// - Throws: `.sessionBusy`, `.sessionClosed`; `.wordReused` where there are not so many numbers left.
    package mutating func beginPreparing(_ form: Form, runs: Int) throws -> ClosedRange<UInt64> {
        try checkIdle()
        try check(kept: form.keptInputs.map(\.number))
        let (last, overflow) = lastRun.addingReportingOverflow(UInt64(max(runs, 1)))
        guard !overflow else { throw SessionStateMachine.noMoreNumbers }
        state = .preparing(form)
        return lastRun + 1...last
    }

    /// The parties have agreed on the salt.
    package mutating func agreedOnSalt() {
        hasSalt = true
    }

    /// Where the words of the run that is being made come from: of the oldest run that was dealt ahead for its form, if there
    /// is one, else from the dealer.
    ///
    /// - Parameters:
    ///   - form: What runs.
    ///   - plan: The fingerprint of what the dealer gets, and its size.
    ///   - keeps: How many values are kept of it.
    /// - Throws: `.wordReused` for a second run of one call, or when all numbers are used up; `.sessionClosed`.
    package mutating func nextRun(_ form: Form, plan: (fingerprint: [UInt8], bytes: Int), keeps: Int) throws -> Action {
        try check()
        guard case .running(nil) = state else {
            throw CrypTenError(.wordReused, "the words of a run were asked for while none began")
        }
        if let run = prepared[form]?.popFirst() {
            if prepared[form]?.isEmpty == true { prepared[form] = nil }
            state = .running(run)
            return .use(run)
        }
        let action = try ask(plan, keeps: keeps)
        if case .ask(let run, _, _) = action { state = .running(run) }
        return action
    }

    /// The next run that is to be dealt ahead.
    ///
    /// - Throws: `.wordReused` when all numbers are used up, or nothing is being prepared; `.sessionClosed`.
    package mutating func nextAhead(plan: (fingerprint: [UInt8], bytes: Int), keeps: Int) throws -> Action {
        try check()
        guard case .preparing = state else {
            throw CrypTenError(.wordReused, "a run was to be dealt ahead, and none is being prepared")
        }
        return try ask(plan, keeps: keeps)
    }

    private mutating func ask(_ plan: (fingerprint: [UInt8], bytes: Int), keeps: Int) throws -> Action {
        guard lastRun < .max else { throw SessionStateMachine.noMoreNumbers }
        lastRun += 1
        let run = Run(number: lastRun, keptOutputs: Array(nextKept..<nextKept + keeps))
        nextKept += keeps
        defer { released = [] }
        let isKnown = plansAtDealer.use(plan.fingerprint) != nil
        if !isKnown { _ = plansAtDealer.insert((), for: plan.fingerprint, size: plan.bytes) }
        return .ask(run, released: released, sendsPlan: !isKnown && party == 0)
    }

    private static var noMoreNumbers: CrypTenError {
        CrypTenError(.wordReused, "the session has used up the numbers of its runs; connect again")
    }

    /// The run has ended, and what it keeps is kept.
    package mutating func finishedRun() throws {
        try check()
        guard case .running(let run?) = state else {
            throw CrypTenError(.wordReused, "a run ended that hadn't begun")
        }
        kept.formUnion(run.keptOutputs)
        state = .idle
    }

    /// Runs were dealt ahead, and wait to be used.
    package mutating func finishedPreparing(_ runs: [Run]) throws {
        try check()
        guard case .preparing(let form) = state else {
            throw CrypTenError(.wordReused, "runs were dealt ahead that nobody asked for")
        }
        prepared[form, default: []] += runs
        state = .idle
    }

    /// How many runs were dealt ahead and are not used yet.
    package var preparedRuns: Int {
        prepared.values.reduce(0) { $0 + $1.count }
    }

    // MARK: The end of values, runs and the session

    /// Values are given up, all or none; the dealer hears of it with the next request.
    ///
    /// - Returns: The runs that were dealt ahead to read them, which are given up, too.
    /// - Throws: `.invalidArgument` for one that isn't kept; `.sessionBusy`, `.sessionClosed`.
    package mutating func release(_ numbers: [Int]) throws -> [Run] {
        try checkIdle()
        guard Set(numbers).count == numbers.count, kept.isSuperset(of: numbers) else {
            throw CrypTenError(.invalidArgument, "only values that this session keeps can be released, once")
        }
        kept.subtract(numbers)
        released += numbers
        let useless = prepared.filter { form, _ in form.keptInputs.contains { numbers.contains($0.number) } }
        for form in useless.keys { prepared[form] = nil }
        let runs = useless.values.joined().sorted { $0.number < $1.number }
        for run in runs { released += run.keptOutputs }
        return runs
    }

    /// What the session was doing has failed, or it is closed; the first end stays.
    ///
    /// - Returns: The runs that were dealt ahead and nobody will use.
    package mutating func end(_ error: CrypTenError) -> [Run] {
        if case .ended = state { return [] }
        state = .ended(error)
        defer {
            prepared = [:]
            kept = []
            plansAtDealer.removeAll()
            hasSalt = false
        }
        return prepared.values.joined().sorted { $0.number < $1.number }
    }
}

package import CrypTenSharing

/// The requests that wait at one party: which came, which may be run next, and what becomes of each; events in, answers out, no input or output.
///
/// A key is taken once in its epoch, whatever becomes of the request. A request leaves the table exactly once: to be run, or refused.
package struct RequestTable: Sendable {
    package typealias Instant = ContinuousClock.Instant

    /// What a party has of a request that another names.
    package enum Status: UInt8, Sendable {
        /// Not here, or no longer.
        case missing
        case present
        /// Here, in another form.
        case different
    }

    /// A request as parties name it to each other.
    package struct Candidate: Hashable, Sendable {
        package var key: RequestKey
        package var form: RequestForm
        package var rows: Int

        package init(key: RequestKey, form: RequestForm, rows: Int) {
            (self.key, self.form, self.rows) = (key, form, rows)
        }
    }

    private struct Waiting: Sendable {
        var request: AdmittedRequest
        package var form: RequestForm
        var arrival: Instant
        /// When it may be named next: one that another party doesn't have yet isn't named again at once.
        var notBefore: Instant
        var misses = 0
        /// Whether this party has said that it has it: until it is decided what becomes of it, it stays.
        var isPromised = false
    }

    /// Ids that one epoch may use up: then the leader begins another, and what is remembered of this one is forgotten.
    static let mostUsed = 1 << 18

    /// The longest pause, in milliseconds, until what another party doesn't have is named again.
    private static let longestPause = 1000

    let cell: String
    /// How many requests may wait.
    var capacity: Int
    /// How long one may wait.
    var patience: Duration
    private(set) var epoch: Epoch?
    /// Whether nothing is taken in any more: the party is about to end.
    private var isClosed = false
    private var waiting: [RequestKey: Waiting] = [:]
    /// In the order in which they came; some may be gone.
    private var order: [RequestKey] = []
    /// Requests that parties had in different forms, before their part came here: it is refused as the others were.
    private var mismatched: Set<RequestKey> = []
    /// How many wait, by client.
    private var perClient: [String: Int] = [:]
    /// Ids that were taken in this epoch, with whose they are.
    private var used: Set<RequestKey> = []

    package init(cell: String, capacity: Int, patience: Duration) {
        self.cell = cell
        self.capacity = capacity
        self.patience = patience
    }

    /// How many wait.
    package var count: Int { waiting.count }
    /// All that wait, in the order in which they came.
    package var all: [RequestKey] { order.filter { waiting[$0] != nil } }
    /// Whether this epoch has used up its ids.
    package var isEpochFull: Bool { used.count >= RequestTable.mostUsed }

    // MARK: Coming

    /// Takes a request in.
    ///
    /// - Throws: ``DoorRefusal``: `.restarting` before there is a session, `.epoch` for an id of another one, `.duplicate`, `.busy`.
    package mutating func admit(_ request: AdmittedRequest, at now: Instant) throws {
        try check(request.key)
        used.insert(request.key)
        perClient[request.key.client, default: 0] += 1
        waiting[request.key] = Waiting(request: request, form: request.form(in: cell), arrival: now, notBefore: now)
        order.append(request.key)
    }

    /// Whether a request would be taken in now.
    ///
    /// - Throws: as ``admit(_:at:)``.
    package func check(_ key: RequestKey) throws {
        guard !isClosed else { throw DoorRefusal(.restarting, "the party is about to end: ask anew in some seconds") }
        guard let epoch else {
            throw DoorRefusal(.restarting, "the cell makes a new session: ask anew in some seconds")
        }
        guard key.epoch == epoch else {
            throw DoorRefusal(
                .epoch,
                "the id belongs to an epoch that is over: read the metadata again, and ask anew with a new id"
            )
        }
        guard !mismatched.contains(key) else { throw RequestTable.mismatch }
        guard !used.contains(key) else {
            throw DoorRefusal(.duplicate, "the id was used before: every request has a new one, and new seeds")
        }
        guard waiting.count < capacity else {
            throw DoorRefusal(.busy, "\(waiting.count) requests wait already: ask again later")
        }
        // Nobody takes all the places: whoever has a half of them waits until some are free.
        guard perClient[key.client, default: 0] < max(1, capacity / 2) else {
            throw DoorRefusal(
                .busy,
                "\(perClient[key.client, default: 0]) requests of this client wait already: ask again later"
            )
        }
    }

    /// Begins an epoch; what waits goes on waiting, under the name that it came with.
    package mutating func begin(_ epoch: Epoch) {
        self.epoch = epoch
        (used, mismatched) = ([], [])
    }

    /// The party is about to end: nothing is taken in any more, and what waits may still be run.
    package mutating func close() {
        isClosed = true
    }

    /// There is no session: nothing is taken in, and what waits goes on waiting.
    package mutating func suspend() {
        epoch = nil
        giveBack(Array(waiting.keys))
    }

    // MARK: Going

    /// What can be run together, by the oldest that is due: at the party that proposes.
    ///
    /// - Parameters:
    ///   - window: How long a request waits for others, by model.
    ///   - most: The most rows of a run, by model.
    ///   - isAlone: Whether a model's requests can't share runs.
    /// - Returns: Candidates for one run, one run's rows and as many more in reserve; nil where nothing is due, with the time when that may change.
    package func due(
        at now: Instant,
        window: (String) -> Duration,
        most: (String) -> Int,
        isAlone: (String) -> Bool
    ) -> (batch: (model: String, version: String, candidates: [Candidate])?, next: Instant?) {
        var next: Instant?
        func note(_ instant: Instant) { next = min(next ?? instant, instant) }
        var kinds: [Kind: (rows: Int, oldest: Instant, isFresh: Bool)] = [:]
        var places: [Kind] = []
        for key in order {
            guard let entry = waiting[key] else { continue }
            if entry.notBefore > now {
                note(entry.notBefore)
                continue
            }
            let kind = Kind(entry.request)
            if kinds[kind] == nil { places.append(kind) }
            var known = kinds[kind] ?? (0, entry.arrival, false)
            known.rows += entry.request.rows
            known.isFresh = known.isFresh || entry.misses == 0
            kinds[kind] = known
        }
        // What other parties didn't have when it was named comes after what they may have.
        for isFresh in [true, false] {
            for kind in places {
                guard let known = kinds[kind], known.isFresh == isFresh else { continue }
                let due = known.oldest + window(kind.model)
                guard due <= now || known.rows >= most(kind.model) || isAlone(kind.model) else {
                    note(due)
                    continue
                }
                let rows = isAlone(kind.model) ? 0 : 2 * most(kind.model)
                return ((kind.model, kind.version, candidates(of: kind, at: now, rows: rows)), next)
            }
        }
        return (nil, next)
    }

    /// What requests have in common that can share a run.
    private struct Kind: Hashable {
        var model: String
        var version: String
        var bucket: [[Int]]

        init(_ request: AdmittedRequest) {
            (model, version, bucket) = (request.model, request.version, request.bucket)
        }
    }

    private func candidates(of kind: Kind, at now: Instant, rows most: Int) -> [Candidate] {
        var candidates: [Candidate] = []
        var rows = 0
        for isFresh in [true, false] {
            for key in order {
                guard let entry = waiting[key], entry.notBefore <= now, Kind(entry.request) == kind,
                    (entry.misses == 0) == isFresh
                else { continue }
                guard candidates.isEmpty || rows + entry.request.rows <= most else { break }
                candidates.append(Candidate(key: key, form: entry.form, rows: entry.request.rows))
                rows += entry.request.rows
            }
        }
        return candidates
    }

    /// What this party has of what another proposes; what it says that it has stays until ``take(_:)`` or ``giveBack(_:)``.
    package mutating func promise(_ candidate: Candidate) -> Status {
        guard let entry = waiting[candidate.key] else { return .missing }
        guard entry.form == candidate.form, entry.request.rows == candidate.rows else { return .different }
        waiting[candidate.key]?.isPromised = true
        return .present
    }

    /// What isn't run now waits on.
    package mutating func giveBack(_ keys: [RequestKey]) {
        for key in keys { waiting[key]?.isPromised = false }
    }

    /// Takes requests out, to be run or refused; those that aren't here are passed over.
    package mutating func take(_ keys: [RequestKey]) -> [AdmittedRequest] {
        let taken = keys.compactMap { waiting.removeValue(forKey: $0)?.request }
        for request in taken {
            let left = perClient[request.key.client, default: 1] - 1
            perClient[request.key.client] = left == 0 ? nil : left
        }
        tidy()
        return taken
    }

    /// Takes requests out that parties have in different forms; of one whose part comes later it is remembered.
    package mutating func takeMismatched(_ keys: [RequestKey]) -> [AdmittedRequest] {
        for key in keys where waiting[key] == nil && mismatched.count < capacity { mismatched.insert(key) }
        return take(keys)
    }

    /// What is said of a request that isn't the same at all parties.
    package static let mismatch = DoorRefusal(
        .mismatch,
        "another party has this request in another form: ask anew, all of them the same"
    )

    /// Another party didn't have a request when it was proposed: it is proposed again after a while that doubles.
    package mutating func missed(_ keys: [RequestKey], at now: Instant) {
        for key in keys {
            guard var entry = waiting[key] else { continue }
            entry.notBefore = now + .milliseconds(min(1 << min(entry.misses, 10), RequestTable.longestPause))
            entry.misses += 1
            waiting[key] = entry
        }
    }

    /// Takes out what has waited too long.
    package mutating func expired(at now: Instant) -> [AdmittedRequest] {
        take(order.filter { key in waiting[key].map { !$0.isPromised && $0.arrival + patience <= now } ?? false })
    }

    private mutating func tidy() {
        if order.count > 2 * waiting.count + 64 { order.removeAll { waiting[$0] == nil } }
        let gone = order.prefix { waiting[$0] == nil }.count
        if gone > 0 { order.removeFirst(gone) }
    }
}

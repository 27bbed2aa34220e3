import CrypTenService
import CrypTenSharing
import Testing
import _CrypTenTestSupport

/// The rules by which a party takes requests in, written once more and each on its own: the table does in every history what they say, and a history
/// among those that are tried tells the table from rules of which one is missing.
@Suite("Rules of the requests that wait")
struct RequestRuleTests {
    enum Rule: String, CaseIterable, Sendable {
        /// A party that is about to end takes nothing in.
        case closing
        /// Nothing is taken in without a session.
        case session
        /// An id belongs to the epoch that it was drawn for.
        case epoch
        /// A key counts once in its epoch, whatever becomes of the request.
        case once
        /// Two clients' requests are different ones, whatever ids they choose.
        case client
        /// What is refused since another party has it in another form is refused for that reason also where its part comes later.
        case mismatch
        /// So many wait, and no more.
        case capacity
        /// One client has half of the places.
        case share
        /// What an epoch has used up is forgotten with it.
        case forgetting
        /// What waits goes on waiting through a lost session.
        case through
        /// Nobody waits for longer than the patience.
        case patience
    }

    /// What the rules make of one event after another.
    private struct Model {
        var missing: Rule?
        private var epoch: Epoch?
        private var isClosed = false
        private var waiting: [(key: RequestKey, arrival: Int)] = []
        private var used: Set<RequestKey> = []
        private var mismatched: Set<RequestKey> = []

        init(missing: Rule?) {
            self.missing = missing
        }

        private func holds(_ rule: Rule) -> Bool { missing != rule }

        /// The key, as far as it tells requests apart.
        private func known(_ key: RequestKey) -> RequestKey {
            holds(.client) ? key : RequestKey(client: "", epoch: key.epoch, id: key.id)
        }

        /// What is said of an event, and who waits after it.
        mutating func answer(_ event: Event, at time: Int) -> Answer {
            var code: DoorRefusal.Code?
            switch event {
            case .begin(let new):
                epoch = new
                if holds(.forgetting) { (used, mismatched) = ([], []) }
            case .suspend:
                epoch = nil
                if !holds(.through) { waiting = [] }
            case .close: isClosed = true
            case .take(let key): waiting.removeAll { $0.key == key }
            case .mismatch(let key):
                if !waiting.contains(where: { $0.key == key }), mismatched.count < RequestRuleTests.capacity {
                    mismatched.insert(key)
                }
                waiting.removeAll { $0.key == key }
            case .expire:
                if holds(.patience) { waiting.removeAll { $0.arrival + RequestRuleTests.patience <= time } }
            case .admit(let key):
                code = refusal(key)
                if code == nil {
                    used.insert(known(key))
                    waiting.append((key, time))
                }
            }
            return Answer(code: code, waiting: waiting.map(\.key))
        }

        private func refusal(_ key: RequestKey) -> DoorRefusal.Code? {
            if holds(.closing), isClosed { return .restarting }
            if holds(.session), epoch == nil { return .restarting }
            if holds(.epoch), let epoch, key.epoch != epoch { return .epoch }
            if holds(.mismatch), mismatched.contains(key) { return .mismatch }
            if holds(.once), used.contains(known(key)) { return .duplicate }
            if holds(.capacity), waiting.count >= RequestRuleTests.capacity { return .busy }
            let own = waiting.count { $0.key.client == key.client }
            if holds(.share), own >= RequestRuleTests.capacity / 2 { return .busy }
            return nil
        }
    }

    private enum Event {
        case begin(Epoch)
        case suspend, close
        case take(RequestKey)
        case mismatch(RequestKey)
        case expire
        case admit(RequestKey)
    }

    private struct Answer: Equatable {
        var code: DoorRefusal.Code?
        var waiting: [RequestKey]
    }

    private static let capacity = 6
    private static let patience = 12

    /// A history of events, and what the table says to each.
    private static func history(seed: UInt64) -> [(event: Event, answer: Answer)] {
        var random = TestRandom(seed: seed)
        let start = ContinuousClock.now
        var table = RequestTable(cell: "bank", capacity: capacity, patience: .seconds(patience))
        // Epochs are random, and don't come again.
        var begun: UInt64 = 1
        func key() -> RequestKey {
            RequestKey(
                client: ["app", "page", "ward"][Int.random(in: 0..<3, using: &random)],
                epoch: Epoch(halves: SIMD2(begun - (Int.random(in: 0..<5, using: &random) == 0 ? 1 : 0), 0)),
                id: RequestID(halves: SIMD2(.random(in: 1...5, using: &random), 0))
            )
        }
        return (0..<60).map { time in
            let now = start + .seconds(time)
            let kind = Int.random(in: 0..<100, using: &random)
            if kind < 8 { begun += 1 }
            let event: Event =
                switch kind {
                case 0..<8: .begin(Epoch(halves: SIMD2(begun, 0)))
                case 8..<10: .suspend
                case 10: .close
                case 11..<18: .take(key())
                case 18..<26: .mismatch(key())
                case 26..<34: .expire
                default: .admit(key())
                }
            var code: DoorRefusal.Code?
            switch event {
            case .begin(let epoch): table.begin(epoch)
            case .suspend: table.suspend()
            case .close: table.close()
            case .take(let key): _ = table.take([key])
            case .mismatch(let key): _ = table.takeMismatched([key])
            case .expire: _ = table.expired(at: now)
            case .admit(let key):
                let request = AdmittedRequest(
                    key: key,
                    model: "digits",
                    version: "1",
                    inputs: [InferenceRequest.Input(name: "x", shape: [1, 4])],
                    part: .words([[0, 0, 0, 0]]),
                    outputs: ["y"],
                    rows: 1
                )
                do {
                    try table.admit(request, at: now)
                } catch {
                    code = (error as? DoorRefusal)?.code
                }
            }
            return (event, Answer(code: code, waiting: table.all))
        }
    }

    /// The first event of a history to which rules answer otherwise than the table.
    private static func difference(_ history: [(event: Event, answer: Answer)], missing rule: Rule?) -> Int? {
        var model = Model(missing: rule)
        return history.enumerated().first { time, entry in model.answer(entry.event, at: time) != entry.answer }?.offset
    }

    @Test("are what the table does, in every history; without any one of them it would be seen")
    func histories() {
        let histories = (0..<400).map { Self.history(seed: $0) }
        for (seed, history) in histories.enumerated() {
            let time = Self.difference(history, missing: nil)
            #expect(time == nil, "seed \(seed): \(time.map { "\(history[$0])" } ?? "")")
        }
        for rule in Rule.allCases {
            let seen = histories.count { Self.difference($0, missing: rule) != nil }
            #expect(seen > 0, "without the rule \(rule) \(seen) of \(histories.count) histories are others")
        }
    }
}

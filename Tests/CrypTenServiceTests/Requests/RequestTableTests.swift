import CrypTenService
import CrypTenSharing
import Testing

@Suite("Requests that wait at a party")
struct RequestTableTests {
    private static let epoch = Epoch(halves: SIMD2(1, 2))
    private static let start = ContinuousClock.now

    private static func request(
        _ id: UInt64,
        of client: String = "app",
        epoch: Epoch = epoch,
        model: String = "digits",
        version: String = "v1",
        rows: Int = 1,
        extents: [Int] = [4],
        outputs: [String] = ["y"]
    ) -> AdmittedRequest {
        AdmittedRequest(
            key: RequestKey(client: client, epoch: epoch, id: RequestID(halves: SIMD2(id, 0))),
            model: model,
            version: version,
            inputs: [InferenceRequest.Input(name: "x", shape: [rows] + extents)],
            part: .words([[UInt64](repeating: id, count: rows * extents.reduce(1, *))]),
            outputs: outputs,
            rows: rows
        )
    }

    private static func table(capacity: Int = 8) -> RequestTable {
        var table = RequestTable(cell: "cell", capacity: capacity, patience: .seconds(10))
        table.begin(epoch)
        return table
    }

    private static func code(_ body: () throws -> Void) -> DoorRefusal.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? DoorRefusal)?.code
        }
    }

    private static func due(
        _ table: RequestTable,
        after time: Duration,
        window: Duration = .milliseconds(5),
        most: Int = 8,
        isAlone: Bool = false
    )
        -> (
            batch: (model: String, version: String, candidates: [RequestTable.Candidate])?,
            next: ContinuousClock.Instant?
        )
    {
        table.due(at: start + time, window: { _ in window }, most: { _ in most }, isAlone: { _ in isAlone })
    }

    @Test("a key counts once in its epoch, and only in it")
    func keys() throws {
        var table = Self.table()
        try table.admit(Self.request(1), at: Self.start)
        #expect(Self.code { try table.admit(Self.request(1), at: Self.start) } == .duplicate)
        // Another client may have chosen the same id: it is another request.
        try table.admit(Self.request(1, of: "other"), at: Self.start)
        #expect(table.count == 2)
        let old = Epoch(halves: SIMD2(9, 9))
        #expect(Self.code { try table.admit(Self.request(2, epoch: old), at: Self.start) } == .epoch)
        // What was run or refused isn't taken again.
        #expect(table.take([Self.request(1).key]).count == 1)
        #expect(Self.code { try table.admit(Self.request(1), at: Self.start) } == .duplicate)
        // A refused id of another epoch was not stored: it costs nothing.
        let before = table
        for id in 100..<200 { _ = Self.code { try table.admit(Self.request(UInt64(id), epoch: old), at: Self.start) } }
        #expect(table.count == before.count && !table.isEpochFull)
        table.begin(old)
        #expect(Self.code { try table.admit(Self.request(3), at: Self.start) } == .epoch)
        table.suspend()
        #expect(Self.code { try table.admit(Self.request(4, epoch: old), at: Self.start) } == .restarting)
    }

    @Test("so many wait and no more, and each leaves once")
    func capacity() throws {
        var table = Self.table(capacity: 4)
        for id in 1...2 { try table.admit(Self.request(UInt64(id)), at: Self.start) }
        // Nobody has more than a half of the places.
        #expect(Self.code { try table.admit(Self.request(9), at: Self.start) } == .busy)
        for id in 3...4 { try table.admit(Self.request(UInt64(id), of: "other"), at: Self.start) }
        #expect(Self.code { try table.admit(Self.request(4, of: "third"), at: Self.start) } == .busy)
        #expect(table.take([Self.request(2).key, Self.request(2).key, Self.request(7).key]).count == 1)
        try table.admit(Self.request(5), at: Self.start)
        #expect(table.all.map(\.id.halves.x) == [1, 3, 4, 5])
        #expect(table.expired(at: Self.start + .seconds(9)).isEmpty)
        #expect(table.expired(at: Self.start + .seconds(10)).count == 4 && table.count == 0)
    }

    @Test("what waits through a lost session keeps its name and is run in the next")
    func through() throws {
        var table = Self.table()
        try table.admit(Self.request(1), at: Self.start)
        let candidate = try #require(Self.due(table, after: .milliseconds(5)).batch?.candidates.first)
        table.suspend()
        table.begin(Epoch(halves: SIMD2(7, 7)))
        #expect(table.promise(candidate) == .present)
        #expect(Self.due(table, after: .milliseconds(5)).batch?.candidates == [candidate])
    }

    @Test("what a party has said that it has stays until it is decided")
    func promised() throws {
        var table = Self.table()
        try table.admit(Self.request(1), at: Self.start)
        let candidate = try #require(Self.due(table, after: .milliseconds(5)).batch?.candidates.first)
        #expect(table.promise(candidate) == .present)
        #expect(table.expired(at: Self.start + .seconds(60)).isEmpty)
        table.giveBack([candidate.key])
        #expect(table.expired(at: Self.start + .seconds(60)).count == 1)
        #expect(table.promise(candidate) == .missing)
    }

    @Test("a request in another form is seen, whatever differs")
    func forms() throws {
        let first = Self.request(1)
        let others: [AdmittedRequest] = [
            Self.request(1, model: "other"), Self.request(1, version: "v2"), Self.request(1, rows: 2),
            Self.request(1, extents: [2, 2]), Self.request(1, outputs: ["z"]), Self.request(1, outputs: ["y", "z"]),
        ]
        for other in others {
            #expect(other.form(in: "cell") != first.form(in: "cell"))
            var table = Self.table()
            try table.admit(other, at: Self.start)
            let candidate = RequestTable.Candidate(key: first.key, form: first.form(in: "cell"), rows: first.rows)
            #expect(table.promise(candidate) == .different)
        }
        #expect(first.form(in: "cell") != first.form(in: "another cell"))
        #expect(Self.request(1, of: "other").form(in: "cell") != first.form(in: "cell"))
        // Not of the share.
        let share = AdmittedRequest(
            key: first.key,
            model: first.model,
            version: first.version,
            inputs: first.inputs,
            part: .words([[9, 9, 9, 9]]),
            outputs: first.outputs,
            rows: first.rows
        )
        #expect(share.form(in: "cell") == first.form(in: "cell"))
    }

    @Test("requests wait for each other a window long, or until a run is full; kinds don't mix")
    func windows() throws {
        var table = Self.table()
        try table.admit(Self.request(1), at: Self.start)
        try table.admit(Self.request(2, rows: 3), at: Self.start + .milliseconds(1))
        try table.admit(Self.request(3, extents: [5]), at: Self.start + .milliseconds(1))
        #expect(Self.due(table, after: .milliseconds(4)).batch == nil)
        #expect(Self.due(table, after: .milliseconds(4)).next == Self.start + .milliseconds(5))
        #expect(Self.due(table, after: .milliseconds(5)).batch?.candidates.map(\.key.id.halves.x) == [1, 2])
        #expect(Self.due(table, after: .milliseconds(2), most: 4).batch?.candidates.map(\.key.id.halves.x) == [1, 2])
        #expect(Self.due(table, after: .zero, isAlone: true).batch?.candidates.map(\.key.id.halves.x) == [1])
        _ = table.take([Self.request(1).key, Self.request(2).key])
        #expect(Self.due(table, after: .milliseconds(6)).batch?.candidates.map(\.key.id.halves.x) == [3])
    }

    @Test("what another party doesn't have yet is named again after a while, and doesn't hold up the others")
    func missed() throws {
        var table = Self.table()
        try table.admit(Self.request(1), at: Self.start)
        table.missed([Self.request(1).key], at: Self.start)
        try table.admit(Self.request(2), at: Self.start)
        #expect(Self.due(table, after: .zero, window: .zero).batch?.candidates.map(\.key.id.halves.x) == [2])
        #expect(
            Self.due(table, after: .milliseconds(1), window: .zero).batch?.candidates.map(\.key.id.halves.x) == [2, 1]
        )
        for _ in 0..<20 { table.missed([Self.request(1).key], at: Self.start) }
        #expect(
            Self.due(table, after: .milliseconds(999), window: .zero).batch?.candidates.map(\.key.id.halves.x) == [2]
        )
        #expect(Self.due(table, after: .seconds(1), window: .zero).batch?.candidates.map(\.key.id.halves.x) == [2, 1])
    }

    @Test("a part that comes after its request was refused is refused for the same reason")
    func late() throws {
        var table = Self.table()
        try table.admit(Self.request(1), at: Self.start)
        #expect(table.takeMismatched([Self.request(1).key, Self.request(2).key]).count == 1)
        #expect(Self.code { try table.admit(Self.request(2), at: Self.start) } == .mismatch)
        #expect(Self.code { try table.admit(Self.request(1), at: Self.start) } == .duplicate)
        #expect(table.count == 0)
    }

    @Test("requests that came to one party alone don't keep others from being run, however many there are")
    func halfOpen() throws {
        var table = Self.table(capacity: 64)
        for id in 1...20 {
            try table.admit(Self.request(UInt64(id), of: "hostile", rows: 8), at: Self.start)
            table.missed([Self.request(UInt64(id), of: "hostile").key], at: Self.start)
        }
        try table.admit(Self.request(100, model: "other"), at: Self.start + .seconds(2))
        try table.admit(Self.request(101), at: Self.start + .seconds(2))
        // All of them may be named again by now; what is new comes first, of every model.
        var firsts: Set<UInt64> = []
        for _ in 0..<2 {
            let batch = try #require(Self.due(table, after: .seconds(2), window: .zero).batch)
            let first = try #require(batch.candidates.first)
            firsts.insert(first.key.id.halves.x)
            _ = table.take([first.key])
        }
        #expect(firsts == [100, 101])
    }
}

@Suite("What all parties make of a batch")
struct BatchChoiceTests {
    private static func candidate(_ id: UInt64, rows: Int = 1, of client: String = "app") -> RequestTable.Candidate {
        RequestTable.Candidate(
            key: RequestKey(client: client, epoch: Epoch(halves: SIMD2(1, 2)), id: RequestID(halves: SIMD2(id, 0))),
            form: RequestForm(bytes: [UInt8(id)]),
            rows: rows
        )
    }

    @Test("a request runs where all parties have it in one form; another is refused alone, or waits")
    func choice() {
        let candidates = (1...5).map { Self.candidate(UInt64($0)) }
        let choice = BatchChoice(
            candidates,
            statuses: [[1, 1, 1, 1, 1], [1, 2, 1, 0, 1], [1, 1, 1, 1, 2]],
            sizes: [1, 8],
            isAlone: false
        )
        #expect(choice.accepted == [candidates[0], candidates[2]])
        #expect(choice.different == [candidates[1], candidates[4]])
        #expect(choice.missing == [candidates[3]])
        #expect(choice.rows == 2 && choice.size == 8)
        // A party that says too little has nothing; one that says what is no status has nothing, too.
        #expect(
            BatchChoice(candidates, statuses: [[1, 1, 1, 1, 1], [1]], sizes: [8], isAlone: false).accepted == [
                candidates[0]
            ]
        )
        #expect(
            BatchChoice(candidates, statuses: [[1, 77, 1, 1, 1]], sizes: [8], isAlone: false).missing == [candidates[1]]
        )
    }

    @Test("a run takes as many rows as fit, in the least size that holds them")
    func sizes() {
        let candidates = [3, 4, 2, 1].enumerated().map { Self.candidate(UInt64($0), rows: $1) }
        let all = [[UInt8](repeating: 1, count: 4)]
        let choice = BatchChoice(candidates, statuses: all, sizes: [1, 4, 8], isAlone: false)
        #expect(choice.accepted.map(\.rows) == [3, 4, 1] && choice.rows == 8 && choice.size == 8)
        let alone = BatchChoice(candidates, statuses: all, sizes: [1, 4, 8], isAlone: true)
        #expect(alone.accepted.map(\.rows) == [3] && alone.size == nil)
    }

    @Test("a run's purpose holds everything: another list, order, client, form, row, size or model is another purpose")
    func purpose() {
        func purpose(
            _ candidates: [RequestTable.Candidate],
            sizes: [Int] = [8],
            model: String = "m",
            version: String = "v"
        ) -> [UInt8] {
            BatchChoice(
                candidates,
                statuses: [[UInt8](repeating: 1, count: candidates.count)],
                sizes: sizes,
                isAlone: false
            )
            .purpose(model: model, version: version)
        }
        let (a, b) = (Self.candidate(1), Self.candidate(2))
        var other = a
        other.form = RequestForm(bytes: [77])
        var later = a
        later.key.epoch = Epoch(halves: SIMD2(3, 3))
        let all = [
            purpose([a, b]), purpose([b, a]), purpose([a]), purpose([other, b]),
            purpose([Self.candidate(1, of: "thief"), b]),
            purpose([Self.candidate(1, rows: 2), b]), purpose([a, b], sizes: [4]), purpose([a, b], model: "n"),
            purpose([a, b], version: "w"),
            purpose([later, b]), purpose([]),
        ]
        #expect(Set(all).count == all.count && all.allSatisfy { $0.count == 32 })
        #expect(purpose([a, b]) == purpose([a, b]))
    }
}

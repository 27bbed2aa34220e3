import CrypTenBase
import CrypTenRuntime
import CrypTenTransport
import Foundation
import NIOCore
import Testing
import _CrypTenTestSupport

/// What a file of prepared runs shows to someone who reads it, and what it lets someone change who writes to it.
private struct StoredRuns {
    static let runs: ClosedRange<UInt64> = 3...6
    static let chunks = 3
    static let chunkBytes = 192
    private static let sealedBytes = chunkBytes + 16
    private static let textBytes = 64 * (runs.count + 1)

    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("crypten-\(UUID().uuidString)")
    private let nonce: CorrectionsFile.Nonce?
    private let plain: [[UInt8]]

    init(sealedUnder nonce: CorrectionsFile.Nonce?, seed: UInt64) {
        var random = TestRandom(seed: seed)
        self.nonce = nonce
        plain = (0..<StoredRuns.runs.count * StoredRuns.chunks).map { _ in
            random.words(StoredRuns.chunkBytes / 8).flatMap { word in withUnsafeBytes(of: word) { Array($0) } }
        }
    }

    /// Names what is wrong with the file.
    func alarms() throws -> [String] {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        var alarms: [String] = []
        if try repeatsAStream() { alarms.append("two chunks have one stream of key") }
        for (name, other) in [("a chunk of its own run", 1), ("a chunk of another run", StoredRuns.chunks)]
        where try !seesExchange(of: 0, and: other) {
            alarms.append("a chunk in the place of \(name) is taken")
        }
        return alarms
    }

    /// Stores the runs, and returns where.
    private func stored(_ name: String) throws -> (file: URL, store: CorrectionsFile) {
        let file = folder.appendingPathComponent(name)
        let store = try CorrectionsFile(creating: file.path, for: StoredRuns.runs, insecureNonce: nonce)
        for (index, chunk) in plain.enumerated() {
            let run = StoredRuns.runs.lowerBound + UInt64(index / StoredRuns.chunks)
            try store.append(WordChunk(ByteBuffer(bytes: chunk)), to: run)
            if index % StoredRuns.chunks == StoredRuns.chunks - 1 { try store.finish(run) }
        }
        return (file, store)
    }

    private static func place(_ chunk: Int) -> Range<Int> {
        textBytes + chunk * sealedBytes..<textBytes + (chunk + 1) * sealedBytes
    }

    /// Whether the difference of two chunks can be read off the file: they were padded by the same words.
    private func repeatsAStream() throws -> Bool {
        let (file, store) = try stored("read")
        let bytes = try withExtendedLifetime(store) { try Data(contentsOf: file) }
        let pads = plain.indices.map { chunk in
            Data(zip(bytes[StoredRuns.place(chunk)], plain[chunk]).map { $0 ^ $1 })
        }
        #expect(pads.allSatisfy { $0.count == StoredRuns.chunkBytes })
        return Set(pads).count < pads.count
    }

    /// Whether two chunks that change places, tags and all, are an error before any word of them is used.
    private func seesExchange(of one: Int, and other: Int) throws -> Bool {
        let (file, store) = try stored("exchanged \(other)")
        let bytes = try Data(contentsOf: file)
        let handle = try FileHandle(forUpdating: file)
        for (place, chunk) in [(one, other), (other, one)] {
            try handle.seek(toOffset: UInt64(StoredRuns.place(place).lowerBound))
            try handle.write(contentsOf: bytes[StoredRuns.place(chunk)])
        }
        try handle.close()
        let chunks = try store.consume(StoredRuns.runs.lowerBound)
        do {
            #expect(try Array(chunks.next().bytes.readableBytesView) == plain[other])
            return false
        } catch let error as CrypTenError where error.code == .malformedFile {
            return true
        }
    }
}

@Suite("Mutants: a file of prepared runs seals each chunk under a nonce of its own")
struct StoredNonceTests {
    private static let mutants: [(name: String, caughtBy: String, nonce: CorrectionsFile.Nonce)] = [
        ("every chunk is sealed under one nonce", "two chunks have one stream", { _, _ in numbers(0, 0) }),
        (
            "every chunk is sealed under one nonce, and may change places", "of its own run is taken",
            { _, _ in numbers(0, 0) }
        ),
        ("a chunk's nonce is its number in its run", "of another run is taken", { _, chunk in numbers(0, chunk) }),
        ("a chunk's nonce is its run's number", "of its own run is taken", { run, _ in numbers(run, 0) }),
        ("chunks are counted modulo 2", "two chunks have one stream", { run, chunk in numbers(run, chunk % 2) }),
        ("run and chunk are added", "two chunks have one stream", { run, chunk in numbers(run + UInt64(chunk), 0) }),
    ]

    private static func numbers(_ run: UInt64, _ chunk: Int) -> [UInt8] {
        CorrectionsFile.numbers(run, chunk)
    }

    @Test(
        "a nonce that comes twice is seen, in what can be read and in what can be exchanged",
        arguments: mutants.indices
    )
    func caught(index: Int) throws {
        let mutant = Self.mutants[index]
        var caught = 0
        for turn in 0..<Turns.mutants {
            // The file's key is another one each time.
            let alarms = try StoredRuns(sealedUnder: mutant.nonce, seed: Turns.seed(turn, 0xBAD)).alarms()
            let isCaught = alarms.contains { $0.contains(mutant.caughtBy) }
            #expect(isCaught, "turn \(turn): \(alarms)")
            if isCaught { caught += 1 }
        }
        Turns.report(mutant.name, caught: caught, by: "StoredNonceTests: \(mutant.caughtBy)")
    }

    @Test("a file as it is raises no alarm, with another key each time")
    func clean() throws {
        for turn in 0..<Turns.clean {
            let alarms = try StoredRuns(sealedUnder: nil, seed: Turns.seed(turn, 0xC1EA)).alarms()
            #expect(alarms.isEmpty, "turn \(turn): \(alarms)")
        }
    }
}

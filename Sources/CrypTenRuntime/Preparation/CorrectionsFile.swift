import CrypTenBase
import CrypTenPlanning
import CrypTenTransport
import Crypto
import Foundation
import NIOCore

/// Corrections in a file that is consumed once.
///
/// Text first, in lines of fixed length: what this is, and for each run its number, its state and since when. Then the
/// frames' payloads in the order in which they came, each sealed by AES-GCM under a key that is drawn for the file and
/// never leaves this process; the nonce is the run's and the chunk's number, so that a chunk is good in its own place
/// alone. Nothing but the lines of state is written twice.
package final class CorrectionsFile: CorrectionStore {
    /// The nonce under which a run's chunk is sealed, 12 bytes.
    package typealias Nonce = @Sendable (_ run: UInt64, _ chunk: Int) -> [UInt8]

    private enum State: String {
        case incomplete, unused, consumed, discarded
    }

    /// Where a run's chunks lie.
    private struct Place {
        var offset: UInt64
        var lengths: [Int] = []
    }

    private static let title = "crypten prepared runs, version 1"
    private static let lineBytes = 64
    private static let tagBytes = 16

    private let path: String
    private let file: FileHandle
    private let key = SymmetricKey(size: .bits256)
    private let runs: ClosedRange<UInt64>
    private let nonce: Nonce
    private var places: [UInt64: Place] = [:]
    private var end: UInt64
    /// Runs that are neither consumed to their last word nor discarded.
    private var open: Set<UInt64>

    /// Makes a file for runs that are about to be dealt; only its owner may read it.
    ///
    /// - Parameter insecureNonce: Takes the place of the run's and the chunk's number, in tests of what would see a weaker one.
    /// - Throws: `.wordReused` for a file that is there and whose runs were consumed, `.wrongSession` where they weren't,
    ///   `.fileNotReadable` for any other that is there, or a place where none can be made.
    package init(creating path: String, for runs: ClosedRange<UInt64>, insecureNonce: Nonce? = nil) throws {
        let descriptor = Foundation.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            let reason = errno
            if reason == EEXIST { throw CorrectionsFile.reasonAgainst(path) }
            throw CrypTenError(
                .fileNotReadable,
                "\(path): prepared runs can't be stored there: \(String(cString: strerror(reason)))"
            )
        }
        file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        self.path = path
        self.runs = runs
        nonce = insecureNonce ?? CorrectionsFile.numbers
        end = CorrectionsFile.textBytes(runs)
        open = Set(runs)
        let lines = [CorrectionsFile.title] + runs.map { CorrectionsFile.line($0, .incomplete) }
        do {
            try write(Data(lines.map(CorrectionsFile.padded).joined().utf8), at: 0)
        } catch {
            abandon()
            throw error
        }
    }

    // MARK: Storing

    package func append(_ chunk: WordChunk, to run: UInt64) throws {
        let index = places[run, default: Place(offset: end)].lengths.count
        let nonce = try AES.GCM.Nonce(data: nonce(run, index))
        let bytes = try chunk.readableBytes()
        let box = try bytes.withUnsafeReadableBytes { try AES.GCM.seal($0, using: key, nonce: nonce) }
        try write(box.ciphertext + box.tag, at: end)
        places[run, default: Place(offset: end)].lengths.append(bytes.readableBytes)
        end += UInt64(bytes.readableBytes + CorrectionsFile.tagBytes)
    }

    package func finish(_ run: UInt64) throws {
        try mark(run, .unused)
        // Now, and not when the first mark of use must be on the disk.
        if run == runs.upperBound { try synchronize() }
    }

    package func abandon() {
        _ = unlink(path)
    }

    // MARK: Using

    package func consume(_ run: UInt64) throws -> any CorrectionChunks {
        let line = try read(CorrectionsFile.lineBytes, at: offset(ofLineOf: run))
        let words = String(decoding: line, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard words.count == 5, words[0] == "run", words[1] == "\(run):", let state = State(rawValue: "\(words[2])")
        else {
            throw CrypTenError(.malformedFile, "\(path): the line of run \(run) was changed; prepare again")
        }
        guard state == .unused else {
            throw CrypTenError(.wordReused, "\(path): run \(run) was \(state) on \(words[4]); prepare again")
        }
        try mark(run, .consumed)
        try synchronize()
        return Chunks(self, run, places[run] ?? Place(offset: end))
    }

    package func discard(_ run: UInt64) {
        // A mark that can't be written changes nothing: the run is gone from the session.
        try? mark(run, .discarded)
        close(run)
    }

    /// A run's corrections were read or given up; after the last run's only the text is left.
    private func close(_ run: UInt64) {
        open.remove(run)
        if open.isEmpty { try? file.truncate(atOffset: CorrectionsFile.textBytes(runs)) }
    }

    private final class Chunks: CorrectionChunks {
        private let store: CorrectionsFile
        private let run: UInt64
        private var place: Place
        private var index = 0

        init(_ store: CorrectionsFile, _ run: UInt64, _ place: Place) {
            self.store = store
            self.run = run
            self.place = place
        }

        deinit {
            // Whatever ended the run: what is left of its corrections is of no use.
            store.close(run)
        }

        func next() throws -> WordChunk {
            guard index < place.lengths.count else { preconditionFailure("a run reads what its plan says is dealt") }
            let length = place.lengths[index] + CorrectionsFile.tagBytes
            let sealed = try store.read(length, at: place.offset)
            var opened: Data
            do {
                let box = try AES.GCM.SealedBox(
                    nonce: AES.GCM.Nonce(data: store.nonce(run, index)),
                    ciphertext: sealed.prefix(max(0, sealed.count - CorrectionsFile.tagBytes)),
                    tag: sealed.suffix(CorrectionsFile.tagBytes)
                )
                opened = try AES.GCM.open(box, using: store.key)
            } catch {
                throw CrypTenError(
                    .malformedFile,
                    "\(store.path): the corrections of run \(run) were changed or cut off; prepare again",
                    cause: error
                )
            }
            // What reads the copy overwrites it.
            defer { opened.resetBytes(in: opened.startIndex..<opened.endIndex) }
            place.offset += UInt64(length)
            index += 1
            return WordChunk(ByteBuffer(bytes: opened))
        }
    }

    /// The run's number and the chunk's: no two chunks of a file have one nonce.
    package static let numbers: Nonce = { run, chunk in
        var bytes = ByteBuffer()
        bytes.writeInteger(run)
        bytes.writeInteger(UInt32(chunk))
        return Array(bytes.readableBytesView)
    }

    // MARK: Lines

    private static func line(_ run: UInt64, _ state: State) -> String {
        "run \(run): \(state) since \(Date.now.ISO8601Format())"
    }

    private static func padded(_ text: String) -> String {
        text.padding(toLength: lineBytes - 1, withPad: " ", startingAt: 0) + "\n"
    }

    private static func textBytes(_ runs: ClosedRange<UInt64>) -> UInt64 {
        UInt64((runs.count + 1) * lineBytes)
    }

    private func offset(ofLineOf run: UInt64) -> UInt64 {
        (run - runs.lowerBound + 1) * UInt64(CorrectionsFile.lineBytes)
    }

    private func mark(_ run: UInt64, _ state: State) throws {
        try write(Data(CorrectionsFile.padded(CorrectionsFile.line(run, state)).utf8), at: offset(ofLineOf: run))
    }

    /// Why nothing is stored in a file that is there.
    private static func reasonAgainst(_ path: String) -> CrypTenError {
        let start = FileHandle(forReadingAtPath: path).flatMap { try? $0.read(upToCount: 1 << 20) } ?? Data()
        let lines = String(decoding: start, as: UTF8.self).split(separator: "\n").map { $0.split(separator: " ") }
        guard lines.first?.joined(separator: " ") == title else {
            return CrypTenError(.fileNotReadable, "\(path) exists already; prepared runs are stored in a new file")
        }
        let runs = lines.dropFirst().prefix { $0.count == 5 && $0[0] == "run" }
        if let last = runs.last(where: { $0[2] == State.consumed.rawValue }) {
            return CrypTenError(
                .wordReused,
                "\(path) was consumed by run \(last[1].dropLast()) on \(last[4]); prepare again, into a new file"
            )
        }
        return CrypTenError(
            .wrongSession,
            "\(path) holds runs that were prepared in another session, which alone has the keys; prepare again, into a new file"
        )
    }

    // MARK: Bytes

    private func read(_ count: Int, at offset: UInt64) throws -> Data {
        try attempt("read") {
            try file.seek(toOffset: offset)
            return try file.read(upToCount: count) ?? Data()
        }
    }

    private func write(_ data: Data, at offset: UInt64) throws {
        try attempt("written") {
            try file.seek(toOffset: offset)
            try file.write(contentsOf: data)
        }
    }

    private func synchronize() throws {
        try attempt("written") { try file.synchronize() }
    }

    private func attempt<Result>(_ what: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch {
            throw CrypTenError(.fileNotReadable, "\(path): prepared runs can't be \(what)", cause: error)
        }
    }
}

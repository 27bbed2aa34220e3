#if os(Linux)
import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import CrypTenTransport
import Foundation
import NIOCore
import Testing

/// What must not leave its owner: a number, in every form that it could take, and texts.
private struct Marker: Sendable {
    var label: String
    var bytes: [UInt8]

    static func text(_ text: String) -> Marker {
        Marker(label: "\"\(text)\"", bytes: Array(text.utf8))
    }

    /// A number in decimal, as a double and a float, as an integer, and as words of the ring at 16 and 32 fraction bits.
    static func number(_ value: Double) -> [Marker] {
        var markers = [text("\(value)"), text("\(Int(value))")]
        func add(_ label: String, _ word: some FixedWidthInteger) {
            for (order, ordered) in [("little", word.littleEndian), ("big", word.bigEndian)] {
                markers.append(
                    Marker(label: "\(value) as \(label), \(order)", bytes: withUnsafeBytes(of: ordered) { Array($0) })
                )
            }
        }
        add("a double", value.bitPattern)
        // One of few bits is met by chance, where a header's zeros end beside random words.
        if value.magnitude >= 0x1p32 { add("an integer", Int64(value)) }
        for bits in [16, 32] where value.magnitude < 0x1p30 {
            add("a word of \(bits) bits", Int64(value * Double(1 << bits)))
        }
        return markers
    }
}

/// An error of a caller's own, whose text quotes what it must not.
private struct QuotingError: Error, CustomStringConvertible {
    var description: String { "row 17 of \(Secret.path): MARKERTEXT, \(Secret.large)" }
}

/// What everything that mustn't be told is called, and how large it is.
private enum Secret {
    static let path = "/nowhere/MARKERPATH"
    static let name = "MARKERNAME"
    /// Too large for the fixed point, and one that fits.
    ///
    /// Their bits look random in every form, as those of round numbers don't.
    static let large = 7_305_918_264.829017
    static let fitting = 987_654.3281402587890625

    static let markers =
        [.text("MARKERTEXT"), .text("MARKERPATH"), .text(name)] + Marker.number(large) + Marker.number(fitting)
}

/// A way to fail, and whose numbers, names and texts it meets.
struct MarkedFailure: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// Nil where it is the last party.
    var owner: PartyID?
    var program: @Sendable (Session) async throws -> Void
    /// Whether all parties may know the numbers: then it is the dealer who mustn't.
    var isPublic = false
}

private func good(_ session: Session, _ owner: Int) async throws -> CrypTensor {
    try await session.input(from: .party(owner), name: Secret.name) { Tensor([Secret.fitting, 1, 2], shape: [3]) }
}

private let markedFailures: [MarkedFailure] = [
    MarkedFailure(testDescription: "a closure of an announced input throws", owner: .party(0)) { session in
        let x = try await session.input(from: .party(0), name: Secret.name) { throw QuotingError() }
        _ = try await session.reveal(x, to: .all)
    },
    MarkedFailure(testDescription: "a closure of an input of known shape throws", owner: .party(1)) { session in
        let x = try await session.input(from: .party(1), shape: [3], name: Secret.name) { throw QuotingError() }
        _ = try await session.reveal(x, to: .all)
    },
    MarkedFailure(testDescription: "a closure of a public input throws", owner: .party(0)) { session in
        _ = try await session.publicInput(from: .party(0), name: Secret.name) { throw QuotingError() }
    },
    MarkedFailure(testDescription: "a closure of a broadcast throws", owner: .party(1)) { session in
        _ = try await session.broadcast(from: .party(1)) { throw QuotingError() }
    },
    MarkedFailure(testDescription: "an announced number is too large", owner: .party(0)) { session in
        _ = try await session.input(from: .party(0), name: Secret.name) {
            Tensor([Secret.fitting, Secret.large], shape: [2])
        }
    },
    MarkedFailure(testDescription: "a number of known shape is too large", owner: .party(1)) { session in
        let x = try await session.input(from: .party(1), shape: [2], name: Secret.name) {
            Tensor([Secret.fitting, Secret.large], shape: [2])
        }
        _ = try await session.reveal(x, to: .all)
    },
    MarkedFailure(testDescription: "a number is not a number", owner: .party(1)) { session in
        _ = try await session.input(from: .party(1), name: Secret.name) { Tensor([Secret.fitting, .nan], shape: [2]) }
    },
    MarkedFailure(testDescription: "a tensor has another shape", owner: .party(0)) { session in
        let x = try await session.input(from: .party(0), shape: [2], name: Secret.name) {
            Tensor([Secret.fitting, 1, 2], shape: [3])
        }
        _ = try await session.reveal(x, to: .all)
    },
    MarkedFailure(testDescription: "an integer is announced that is none", owner: .party(0)) { session in
        let x = try await session.input(from: .party(0), shape: [1], kind: .integer, name: Secret.name) {
            Tensor([Secret.fitting], shape: [1])
        }
        _ = try await session.reveal(x, to: .all)
    },
    MarkedFailure(testDescription: "an expression is ill-formed", owner: .party(0)) { session in
        let x = try await good(session, 0)
        _ = try await session.reveal(x.matmul(try await good(session, 1)).reshape([7]), to: .all)
    },
    MarkedFailure(testDescription: "corrections can't be stored", owner: nil) { session in
        let x = try await good(session, 1)
        try await session.prepare(
            [relu(x)],
            revealingTo: .all,
            runs: 1,
            storage: .file(URL(fileURLWithPath: Secret.path))
        )
    },
    MarkedFailure(testDescription: "the program fails between two runs", owner: .party(1)) { session in
        let x = try await good(session, 1)
        _ = try await session.evaluate([relu(x)])
        if session.party == .party(1) { throw QuotingError() }
        _ = try await session.reveal(relu(x), to: .all)
    },
    MarkedFailure(testDescription: "parties reveal other things", owner: .party(0)) { session in
        let x = try await good(session, 0)
        _ = try await session.reveal(session.party == .party(0) ? x * x : relu(x), to: .all)
    },
    MarkedFailure(
        testDescription: "a public index doesn't exist",
        owner: .party(0),
        program: { session in
            let x = try await good(session, 0)
            let index = try await session.publicInput(from: .party(0), name: Secret.name) {
                Tensor([Int64(Secret.large)], shape: [1])
            }
            _ = try await session.reveal(x.gather(index.expression, axis: 0), to: .all)
        },
        isPublic: true
    ),
]

/// A failure at one member tells the others that it happened, and nothing of what it met.
@Suite("No secret number, name, path or thrown text reaches another member, whatever fails", .serialized)
struct MarkerTests {
    /// What of the markers has come to others, in what was sent, logged or thrown.
    private func leaks(_ capture: WireCapture, _ run: FaultyMesh.Run, owner: Role, isPublic: Bool) -> [String] {
        var leaks: [String] = []
        func look(_ bytes: some Collection<UInt8>, _ place: String) {
            let bytes = Array(bytes)
            for marker in Secret.markers where bytes.contains(marker.bytes) {
                leaks.append("\(marker.label) in \(place)")
            }
        }
        for sent in capture.plaintexts {
            // What all parties know is sent to parties, and still not to the dealer.
            if isPublic, sent.header.recipient != Role.dealer.wireNumber { continue }
            look(sent.bytes, "a frame of kind \(sent.header.kind) from \(sent.sender) to \(sent.header.recipient)")
        }
        for frame in capture.frames { look(frame.bytes, "the wire, \(frame.link)") }
        for log in capture.logs where log.role != owner { look(log.text.utf8, "the log of \(log.role)") }
        for (role, outcome) in run.outcomes where role != owner && !(isPublic && role != .dealer) {
            look(outcome.label.utf8, "what \(role) throws")
            if case .failed(let error) = outcome.end { look("\(error)".utf8, "the cause at \(role)") }
        }
        return leaks
    }

    @Test("of these failures", arguments: markedFailures) func failures(failure: MarkedFailure) async throws {
        for parties in [2, 3] {
            let capture = WireCapture()
            let program = SmallInference(course: .program(failure.program))
            let run = try await FaultyMesh(parties: parties, capture: capture, program: program).run()
            #expect(run.outcomes.values.contains { !$0.isRight }, "nothing failed")
            #expect(
                leaks(
                    capture,
                    run,
                    owner: .party(failure.owner ?? PartyID(parties - 1)),
                    isPublic: failure.isPublic
                ) == [],
                "\(parties) parties"
            )
            #expect(!capture.plaintexts.isEmpty)
        }
    }

    @Test("of faults on the wire, at any frame") func faults() async throws {
        let course = SmallInference.Course.program { session in
            let x = try await session.input(from: .party(0), name: Secret.name) {
                Tensor([Secret.fitting, 1, 2], shape: [3])
            }
            let y = try await session.input(from: .party(1), shape: [3], name: Secret.name) {
                Tensor([3, Secret.fitting, 5], shape: [3])
            }
            _ = try await session.reveal(relu(x - y), to: .party(1))
        }
        let mesh = FaultyMesh(program: SmallInference(course: course))
        let seen = try await mesh.run().seen
        let cases = seen.sorted { $0.key < $1.key }.flatMap { link, frames in
            frames.enumerated().flatMap { number, frame in
                WireFault.allCases.filter { $0.applies(to: number, payload: frame.payload) }
                    .map { Injection(fault: $0, place: FramePlace(link: link, number: number)) }
            }
        }
        // The numbers have two owners, so nobody but them may see any: their texts are looked at, too.
        let isLong = ProcessInfo.processInfo.environment["CRYPTEN_LONG_TESTS"] != nil
        let chosen = isLong ? cases : cases.sample(60, seed: 0x3A2C)
        print("\(chosen.count) of \(cases.count) faults on the wire, each searched for markers")
        for injection in chosen {
            let capture = WireCapture()
            let run = try await FaultyMesh(capture: capture, program: SmallInference(course: course)).run(injection)
            #expect(leaks(capture, run, owner: .party(PartyID(0)), isPublic: false) == [], "\(injection)")
        }
    }

    @Test("and the search finds what it looks for") func control() async throws {
        let capture = WireCapture()
        let program = SmallInference(
            course: .program { session in
                _ = try await session.publicInput(from: .party(0)) { Tensor([Secret.fitting], shape: [1]) }
                _ = try await session.broadcast(from: .party(0)) { Array("MARKERTEXT".utf8) }
            }
        )
        let run = try await FaultyMesh(capture: capture, program: program).run()
        let found = leaks(capture, run, owner: .party(PartyID(0)), isPublic: false)
        #expect(found.contains { $0.contains("MARKERTEXT") })
        #expect(found.contains { $0.contains("as a double, little") })
    }
}

extension [UInt8] {
    fileprivate func contains(_ needle: [UInt8]) -> Bool {
        guard count >= needle.count, let first = needle.first else { return false }
        var start = startIndex
        while let index = self[start...].firstIndex(of: first), index + needle.count <= count {
            if self[index..<index + needle.count].elementsEqual(needle) { return true }
            start = index + 1
        }
        return false
    }
}
#endif

import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import CrypTenTransport
import Foundation
import NIOCore
import Testing

@Suite("Frames in good order that aren't what the plan says")
struct WrongFrameTests {
    private static let (zero, one) = (Role.party(PartyID(0)), Role.party(PartyID(1)))

    @Test(
        "chunks of corrections that are repeated, exchanged, left out, longer or shorter end the run before they are used",
        arguments: [FrameFault.duplicate, .swap, .drop, .excessWord, .missingWord, .replay]
    )
    func corrections(fault: FrameFault) async throws {
        let members = FaultyMembers(program: SmallInference(course: .long(20_000)))
        let link = DirectedLink(sender: .dealer, recipient: Self.one)
        let undisturbed = try #require(try await members.run().seen[link])
        #expect(undisturbed.map(\.kind) == Array(repeating: .correction, count: 5), "more than one chunk")
        let run = try await members.run(Injection(fault: fault, place: FramePlace(link: link, number: 1)))
        let isLength = [.excessWord, .missingWord].contains(fault)
        #expect(run.outcomes[Self.one]?.code == (isLength ? .malformedFrame : .diverged))
        #expect(run.outcomes[Self.zero]?.code == .partyFailed)
        #expect(run.outcomes[.dealer]?.code == .partyFailed)
    }

    @Test("words too many or too few end the run in any round, also in the last, before a result is given")
    func openings() async throws {
        let members = FaultyMembers()
        let link = DirectedLink(sender: Self.one, recipient: Self.zero)
        let frames = try #require(try await members.run().seen[link])
        let openings = frames.indices.filter { frames[$0].kind == .opening }
        #expect(openings.count > 10)
        for number in [openings[0], openings[openings.count / 2], openings[openings.count - 1]] {
            for fault in [FrameFault.excessWord, .missingWord, .empty] {
                let run = try await members.run(Injection(fault: fault, place: FramePlace(link: link, number: number)))
                let zero = try #require(run.outcomes[Self.zero])
                #expect(zero.code == .diverged, "\(zero.label)")
                #expect(zero.label.contains("where the plan has \(frames[number].payload)"), "\(zero.label)")
                #expect([nil, .partyFailed].contains(run.outcomes[Self.one]?.code))
            }
        }
    }

    /// Party 1's program, while a test is party 0; what it ends with.
    private func withPartyZero(
        _ zero: @Sendable (any Transport) throws -> Void,
        _ program: @escaping @Sendable (Session) async throws -> Void
    ) async throws -> CrypTenError? {
        var configuration = SessionConfiguration()
        configuration.patience = .seconds(10)
        configuration.threads = 1
        let mesh = try MemoryTransport.mesh(parties: 2, session: "wrong", parameters: configuration.agreement)
        let session = try Session(
            transport: mesh.parties[1],
            kernels: SmallInference.kernels,
            configuration: configuration
        )
        try zero(mesh.parties[0])
        let result = await outcome { try await program(session) }
        await session.close()
        for member in [mesh.parties[0], mesh.dealer] { member.close() }
        return result.crypTenError
    }

    @Test("a salt of another length is refused", arguments: [0, 31, 33, 64])
    func salt(bytes: Int) async throws {
        let error = try await withPartyZero { transport in
            var length = ByteBuffer()
            length.writeInteger(UInt64(bytes), endianness: .little)
            for payload in [length, ByteBuffer(repeating: 7, count: bytes)] {
                try transport.send(Frame(.control, payload: payload), to: Self.one, deadline: .after(.seconds(1)))
            }
        } _: { session in
            let x = try await session.input(from: .party(1), shape: [2]) { Tensor([1, 2], shape: [2]) }
            _ = try await session.reveal(x * x, to: .all)
        }
        #expect(error?.code == .malformedFrame)
        #expect(error?.message.hasPrefix("party 0 sent \(bytes) bytes where 32 are agreed on") == true)
    }

    @Test("a party that left while another tells it something, or waits for it, runs another program")
    func left() async throws {
        let programs: [@Sendable (Session) async throws -> Void] = [
            { _ = try await $0.input(from: .party(0)) { Tensor([1.0], shape: [1]) } },
            { _ = try await $0.input(from: .party(1)) { Tensor([1.0], shape: [1]) } },
            { _ = try await $0.publicInput(from: .party(0)) { Tensor([1.0], shape: [1]) } },
            { _ = try await $0.broadcast(from: .party(1)) { [1, 2, 3] } },
        ]
        for program in programs {
            let error = try await withPartyZero({ $0.close() }, program)
            #expect(error?.code == .diverged)
            #expect(error?.message.hasPrefix("party 0 closed the session, and party 1 goes on") == true)
        }
    }
}

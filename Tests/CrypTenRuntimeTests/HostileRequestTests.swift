import CrypTenBase
import CrypTenExpressions
import CrypTenGates
import CrypTenPlanning
import CrypTenRing
import CrypTenRuntime
import CrypTenTransport
import Foundation
import NIOCore
import Testing

@Suite("What a party sends instead of a request, or of a tensor, is an error with a name")
struct HostileRequestTests {
    private let binding = """
        {"fingerprint":"00","keptInputs":[],"keptOutputs":[],"released":[],"run":1,\
        "use":{"now":{"_0":{"inputs":[],"plainDigests":[]}}}}
        """

    private func plan(shift: Int) throws -> [UInt8] {
        let gates: [PlanGate] = [
            .random(RandomGate(shape: [3], distribution: .uniformBits(64))), .mask(MaskGate(shape: [3])),
            .truncate(TruncateGate(shape: [3], form: WireForm(), shift: 16)),
        ]
        let plan = Plan(
            parties: 2,
            fractionBits: 16,
            slabBits: 15,
            slots: 3,
            bindings: [],
            steps: gates.enumerated().map { index, gate in
                PlanStep(gate: gate, inputs: index == 0 ? [] : [index - 1], outputs: [index], layer: nil)
            },
            outputs: []
        )
        let text = String(decoding: try JSONEncoder().encode(plan), as: UTF8.self)
        return Array(text.replacingOccurrences(of: "\"shift\":16", with: "\"shift\":\(shift)").utf8)
    }

    private func request(_ plan: [UInt8]?) -> ByteBuffer {
        var payload = ByteBuffer(bytes: Plan.fingerprint(of: plan ?? []))
        payload.writeInteger(UInt32(binding.utf8.count), endianness: .little)
        payload.writeString(binding)
        payload.writeBytes(plan ?? [])
        return payload
    }

    /// What the dealer makes of a request: the plan that came with it.
    private func read(_ payload: ByteBuffer) throws -> Plan? {
        let (request, body) = try RunRequest.read(payload, from: PartyID(1))
        guard body.readableBytes > 0 else { return nil }
        let bytes = Data(body.readableBytesView)
        guard Plan.fingerprint(of: bytes) == request.plan else {
            throw CrypTenError(.malformedFrame, "a plan under the name of another")
        }
        return try Plan(decoding: bytes, from: .party(PartyID(1)))
    }

    private func error(_ payload: ByteBuffer) -> CrypTenError? {
        do {
            _ = try read(payload)
            return nil
        } catch {
            return error as? CrypTenError
        }
    }

    @Test("a request is read as it was written, with its plan or without")
    func roundTrip() throws {
        let bytes = try plan(shift: 16)
        #expect(try read(request(bytes))?.steps.count == 3)
        #expect(try read(request(nil)) == nil)
    }

    @Test("no truncation of a request and no flipped bit of its head is anything but an error with a name")
    func damage() throws {
        let whole = request(try plan(shift: 16))
        for length in 0..<whole.readableBytes {
            // What ends where the plan would begin is a request without one.
            if length == 36 + binding.utf8.count { continue }
            #expect(error(whole.getSlice(at: 0, length: length)!)?.code == .malformedFrame, "\(length) bytes")
        }
        for bit in 0..<36 * 8 {
            var damaged = whole
            damaged.setInteger(whole.getInteger(at: bit / 8, as: UInt8.self)! ^ (1 << (bit % 8)), at: bit / 8)
            #expect(error(damaged)?.code == .malformedFrame, "bit \(bit)")
        }
    }

    @Test("a plan whose gate can't be is refused, and the error names the step", arguments: [0, 63, -1, 1 << 40])
    func hostilePlan(shift: Int) throws {
        let error = error(request(try plan(shift: shift)))
        #expect(error?.code == .malformedFile)
        #expect(error?.message.contains("step 2 (truncate)") == true)
    }

    @Test("the dealer tells the parties that a plan was refused, and ends")
    func dealer() async throws {
        let mesh = try MemoryTransport.mesh(parties: 2, session: "s")
        let payload = request(try plan(shift: 99))
        let dealer = Dealer(
            transport: mesh.dealer,
            kernels: NativeKernels(threads: 1),
            configuration: SessionConfiguration()
        )
        try mesh.parties[0].send(Frame(.plan, run: 1, payload: payload), to: .dealer, deadline: .after(.seconds(20)))
        let refusal = #expect(throws: CrypTenError.self) { try dealer.serve() }
        #expect(refusal?.code == .malformedFile)
        for party in mesh.parties {
            let heard = #expect(throws: CrypTenError.self) {
                _ = try party.receive([.correction], from: .dealer, deadline: .after(.seconds(20)))
            }
            #expect(heard?.code == .partyFailed)
            #expect(
                heard?.message
                    == "the dealer gave up: what came from party 0 is no frame that is due, or was damaged on the way"
            )
        }
    }

    @Test("a tensor's head that says more than its bytes hold is refused before anything is allocated for it")
    func tensors() throws {
        var whole = ByteBuffer()
        TensorCoding.write(Tensor([1, 2, 3, 4, 5, 6] as [Double], shape: [2, 3]), to: &whole)
        for extent in [3, 1 << 40, 1 << 62, UInt64.max] {
            var payload = whole
            payload.setInteger(extent, at: 2, endianness: .little)
            let error = #expect(throws: CrypTenError.self) { try TensorCoding.read(&payload) }
            #expect(error?.code == .malformedFrame)
        }
        for rank in [0, 1, 65, 255] as [UInt8] {
            var payload = whole
            payload.setInteger(rank, at: 1)
            let error = #expect(throws: CrypTenError.self) { try TensorCoding.read(&payload) }
            #expect(error?.code == .malformedFrame)
        }
    }
}

import CrypTenBase
import CrypTenPlanning
import CrypTenRing
import CrypTenRuntime
import Foundation
import NIOCore

/// Plans, which the dealer gets from a peer, and the requests that bring them.
///
/// Any bytes are a plan or an error. Of a plan, everything that follows from it is made; a small one is dealt and run by all
/// parties, with every rule of the gates' contract checked on the way.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzPlans(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = UnsafeBufferPointer(start: start, count: count)
    do {
        // A request begins with a hash, and a plan with a brace.
        guard bytes.first == UInt8(ascii: "{") else {
            let (_, body) = try RunRequest.read(ByteBuffer(bytes: bytes), from: PartyID(0))
            if body.readableBytes > 0 { _ = try Plan(decoding: Data(body.readableBytesView), from: .party(PartyID(0))) }
            return 0
        }
        let plan = try Plan(decoding: Data(bytes), from: .party(PartyID(0)))
        let prepared = try PreparedPlan(plan, constants: [], graph: Graph(), meanings: [])
        precondition(!plan.description.isEmpty, "a plan prints itself")
        try Plan(decoding: Data(prepared.dealerPlan), from: .party(PartyID(0))).validate()
        guard plan.parties <= 4 else { return 0 }
        let framing = Framing(headerBytes: 64, chunkBytes: 1 << 18)
        let cost = PlanCost(of: plan, schedule: prepared.schedule, framing: framing)
        precondition(cost.onlineBytes.allSatisfy { $0 >= 0 } && cost.dealerBytes >= 0, "a cost is not negative")
        let queues = PlanMemory.Queues(correctionWindow: 256 << 20, sending: 64 << 20)
        precondition(PlanMemory(of: plan, schedule: prepared.schedule, queues: queues).largest >= 0, "so is memory")
        try PlanRun(prepared).run()
    } catch {
        precondition(error is CrypTenError, "an error without a code: \(error)")
    }
    return 0
}

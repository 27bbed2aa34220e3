package import CrypTenBase
import CrypTenPlanning
import CrypTenTransport
import Foundation
package import NIOCore

/// What a party asks the dealer for: a run of a plan, with all that is bound to it.
///
/// Payload: the SHA-256 of the plan as the dealer gets it (32 bytes), the binding's length (4), the binding in its canonical
/// form, and the plan itself if the dealer doesn't have it.
package struct RunRequest: Hashable, Sendable {
    /// The SHA-256 of the plan as the dealer gets it.
    package var plan: [UInt8]
    package var binding: RunBinding
    /// The canonical form of the binding, from whose hash all words of the run come.
    package let bindingBytes: [UInt8]

    /// A request for a run.
    package init(plan: [UInt8], binding: RunBinding) throws {
        self.plan = plan
        self.binding = binding
        bindingBytes = try binding.canonicalBytes()
    }

    /// The payload of a frame.
    package func encoded(withPlan body: [UInt8]? = nil) -> ByteBuffer {
        var payload = ByteBuffer()
        payload.writeBytes(plan)
        payload.writeInteger(UInt32(bindingBytes.count), endianness: .little)
        payload.writeBytes(bindingBytes)
        if let body { payload.writeBytes(body) }
        return payload
    }

    /// Reads what a party sent.
    ///
    /// - Returns: The request, and what follows it: the plan's bytes, unread, or none.
    /// - Throws: `.malformedFrame`.
    package static func read(
        _ payload: ByteBuffer,
        from party: PartyID
    ) throws -> (request: RunRequest, plan: ByteBuffer) {
        var payload = payload
        guard let plan = payload.readBytes(length: 32),
            let count = payload.readInteger(endianness: .little, as: UInt32.self),
            let bytes = payload.readBytes(length: Int(count)),
            let binding = try? JSONDecoder().decode(RunBinding.self, from: Data(bytes)),
            let request = try? RunRequest(plan: plan, binding: binding), request.bindingBytes == bytes
        else {
            throw CrypTenError(.malformedFrame, "\(party) asked for a run in a way that the dealer doesn't know")
                .telling(.malformedFrame, about: .party(party))
        }
        return (request, payload)
    }

    /// What tells this request from another party's, for a message; nil where nothing does.
    func difference(from other: RunRequest) -> String? {
        let (one, two) = (binding, other.binding)
        if one.run != two.run { return "their numbers" }
        if one.fingerprint != two.fingerprint || plan != other.plan { return "their plans" }
        if one.keptInputs != two.keptInputs { return "the kept values that they read" }
        if one.keptOutputs != two.keptOutputs || one.released != two.released { return "the values that they keep" }
        if one.use != two.use { return "the inputs that they read, or whether they are dealt ahead" }
        return nil
    }
}

import CrypTenBase
import CrypTenSharing
import Foundation

/// What a door, and a client of one, read from whoever sends it.
///
/// The first byte says what it is taken for, the next two where the JSON ends; what is read is written and read again, and is the same.
@_cdecl("LLVMFuzzerTestOneInput")
public func readDoor(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let bytes = start else { return 0 }
    guard count >= 3 else { return 0 }
    let kind = bytes[0]
    let length = Int(bytes[1]) | Int(bytes[2]) << 8
    let body = EncodedBody(
        bytes: Data(bytes: bytes + 3, count: count - 3),
        headerLength: kind & 0x80 == 0 ? nil : length
    )
    var limits = WireLimits()
    limits.mostWords = 1 << 12
    limits.mostRows = 1 << 8
    do {
        switch kind & 3 {
        case 0:
            let request = try InferenceRequest(body, limits)
            precondition(request.inputs.reduce(0) { $0 + $1.count } <= limits.mostWords || isSeed(request))
            for binary in [false, true] {
                let again = try InferenceRequest(request.encoded(binary: binary), limits)
                precondition(again == request, "a request that was written is another one")
            }
        case 1:
            let reply = try InferenceReply(body, limits)
            for binary in [false, true] {
                let again = try InferenceReply(reply.encoded(binary: binary), limits)
                precondition(again == reply, "an answer that was written is another one")
            }
        case 2:
            let metadata = try ModelMetadata(body: body.bytes, limits)
            let again = try ModelMetadata(body: metadata.body, limits)
            precondition(metadata.agrees(with: again), "metadata that were written are others")
        default:
            _ = DoorRefusal(body: body.bytes)
        }
    } catch {
        // A sentence of the table, or an error of the client's: anything else ends the process.
        precondition(error is DoorRefusal || error is CrypTenError)
    }
    return 0
}

private func isSeed(_ request: InferenceRequest) -> Bool {
    if case .seed = request.part { return true }
    return false
}

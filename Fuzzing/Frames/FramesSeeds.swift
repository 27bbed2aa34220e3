import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import CrypTenTransport
import Foundation
import FuzzedSeeds
import NIOCore

/// Called by libFuzzer before anything else.
@_cdecl("LLVMFuzzerInitialize")
public func initializeFrames(_ count: UnsafeMutableRawPointer?, _ arguments: UnsafeMutableRawPointer?) -> CInt {
    Seeds.write {
        let one = try CrypTenTransport.SessionIdentity(
            role: .party(PartyID(1)),
            partyCount: 2,
            session: "s",
            parameters: "p"
        )
        let hello = Frame(.hello, payload: Handshake(one).hello.encoded)
        let abort = Frame(.abort, payload: AbortMessage(CrypTenError(.diverged, "another plan")).encoded)
        let kinds = Frame.Kind.allCases.filter { $0 != .hello }
        func stream(_ frames: [Frame], from sequence: UInt64 = 0) -> Data {
            var out = ByteBuffer()
            for (index, frame) in frames.enumerated() {
                let header = FrameHeader(
                    frame,
                    from: 1,
                    to: 0,
                    epoch: 0,
                    sequence: sequence + UInt64(index)
                )
                out.writeImmutableBuffer(FrameCipher.unkeyed.sealedHeader(header, frame.payload))
                out.writeImmutableBuffer(frame.payload)
            }
            return Data(out.readableBytesView)
        }
        let payload = ByteBuffer(repeating: 7, count: 20)
        let all = kinds.map { Frame($0, payload: payload) }
        var seeds: [String: Data] = [
            "assembled": Data([0, 3]) + stream(all), "answered": Data([1, 0]) + stream([hello]),
            "refused": Data([1, 7]) + stream([abort]), "calling": Data([2, 64]) + stream([hello]),
            "calling-refused": Data([2, 0]) + stream([abort]),
            "framed": Data([4, 0]) + Data((2..<12).flatMap { [$0, 3, 1, 2, 3] }),
            "hello": Data([5, 0, 0]) + Data(hello.payload.readableBytesView),
            "abort": Data([5, 0, 1]) + Data(abort.payload.readableBytesView),
        ]
        for frame in all + [abort] {
            seeds["open-\(frame.kind)"] = Data([3, 0]) + stream([Frame(.control, payload: payload), frame], from: 1)
        }
        let tensors = [
            Tensor([1, 2] as [Double], shape: [2]), Tensor(.float([1, 2]), shape: [1, 2]),
            Tensor([1, 2] as [Int64], shape: [2, 1]), Tensor(.int32([3]), shape: []), Tensor(.bool([true]), shape: [1]),
        ]
        for (index, tensor) in tensors.enumerated() {
            var bytes = ByteBuffer()
            TensorCoding.write(tensor, to: &bytes)
            seeds["tensor-\(index)"] = Data([5, 0, 2]) + Data(bytes.readableBytesView)
        }
        return seeds
    }
    return 0
}

import CrypTenBase
import CrypTenGates
import CrypTenPlanning
import CrypTenRing
import CrypTenTransport
import NIOCore

/// What all parts of one run at one role need: the transport, and what its frames are stamped with.
struct RunContext {
    let transport: any Transport
    let kernels: any Kernels
    let framing: Framing
    /// Which total the run's openings count in: setup, or online.
    let meter: Frame.Meter
    let run: UInt64
    /// The start of the binding's hash: in every frame.
    let binding: UInt64
    /// How long one wait may last.
    ///
    /// A dead peer ends it earlier: liveness is the transport's business.
    let patience: Duration
    /// Where the time of the run goes.
    let clock: WorkClock
    /// The engine's, for as long as its session lasts.
    let buffers: FrameBuffers

    func send(_ kind: Frame.Kind, _ payload: ByteBuffer, round: UInt32, to peer: Role) throws {
        let meter = kind == .opening ? meter : kind.usualMeter
        let frame = Frame(kind, meter: meter, binding: binding, run: run, round: round, payload: payload)
        try clock.measure(.sending) { try transport.send(frame, to: peer, deadline: .after(patience)) }
    }

    func receive(_ kind: Frame.Kind, round: UInt32, from peer: Role) throws -> ByteBuffer {
        let frame = try clock.measure(peer == .dealer ? .waitingForDealer : .waitingForPeers) {
            try transport.receive([kind], from: peer, deadline: .after(patience))
        }
        guard frame.run == run, frame.binding == binding, frame.round == round else {
            throw CrypTenError(
                .diverged,
                """
                \(peer) is in run \(frame.run), round \(frame.round), this one in run \(run), round \(round)\
                \(frame.binding == binding ? "" : ", and what is bound differs"); \
                all parties must run the same program on the same shapes and weights
                """
            )
        }
        return frame.payload
    }
}

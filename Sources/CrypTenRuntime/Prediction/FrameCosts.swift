import CrypTenBase
import CrypTenPlanning
import CrypTenTransport
import Foundation
import NIOCore

/// What frames cost a machine besides computing and the network: tags, copies, calls of the system, waking threads.
package struct FrameCosts: Sendable, Hashable {
    /// Seconds of a processor for a frame, at its sender and again at its receiver.
    package var secondsPerFrame: Double
    /// Seconds of a processor for each of its bytes, at its sender and again at its receiver.
    package var secondsPerByte: Double
    /// Seconds from its sender to its receiver on one machine in which no processor works for it.
    package var latency: Double

    package init(secondsPerFrame: Double, secondsPerByte: Double, latency: Double) {
        self.secondsPerFrame = secondsPerFrame
        self.secondsPerByte = secondsPerByte
        self.latency = latency
    }
}

extension FrameCosts {
    private static let shortFrameCount = 100
    /// Seconds between short frames.
    private static let pause = 0.5e-3
    private static let streamedFrames = 80
    /// The middle one of so many series counts: what else the machine does falls into one of them.
    private static let seriesCount = 5

    /// Measures it between two parties on this machine's loopback, in some tenths of a second.
    ///
    /// - Throws: what connecting over loopback throws.
    static func measure() throws -> FrameCosts {
        let members = try connect()
        defer { close(members) }
        _ = try shortFrames(members, shortFrameCount / 4)
        let series = try (0..<seriesCount).map { _ in try shortFrames(members, shortFrameCount) }
        let oneWay = middle(of: series.map(\.oneWay))
        let shortWork = middle(of: series.map(\.work))
        _ = try stream(members, streamedFrames / 4)
        let streamWork = middle(of: try (0..<seriesCount).map { _ in try stream(members, streamedFrames) })
        let perFrame = shortWork / 2
        let bytes = Double(Framing.wire.chunkBytes)
        return FrameCosts(
            secondsPerFrame: perFrame,
            secondsPerByte: max(0, streamWork / 2 - perFrame) / bytes,
            latency: max(0, oneWay - 2 * perFrame)
        )
    }

    /// Short frames one way, each to a receiver that has slept for a while, as between rounds.
    ///
    /// - Returns: median seconds from sending to having received, and mean seconds of the processors.
    private static func shortFrames(
        _ members: [any Transport],
        _ count: Int
    ) throws -> (oneWay: Double, work: Double) {
        let (first, second) = (Role.party(PartyID(0)), Role.party(PartyID(1)))
        let frame = Frame(.opening, payload: ByteBuffer(repeating: 1, count: 64))
        let receiver = BackgroundWork {
            try (0..<count).map { _ in
                _ = try members[1].receive([.opening], from: first, deadline: .after(.seconds(10)))
                return ContinuousClock.now
            }
        }
        let before = processorSeconds()
        let sent = try (0..<count).map { _ in
            Thread.sleep(forTimeInterval: pause)
            let now = ContinuousClock.now
            try members[0].send(frame, to: second, deadline: .after(.seconds(10)))
            return now
        }
        let received = try receiver.wait()
        let work = (processorSeconds() - before) / Double(count)
        let times = zip(sent, received).map { ($1 - $0).seconds }
        return (middle(of: times), work)
    }

    /// Full frames one way: seconds of the processors for each, both ends together.
    private static func stream(_ members: [any Transport], _ count: Int) throws -> Double {
        let (first, second) = (Role.party(PartyID(0)), Role.party(PartyID(1)))
        let payload = ByteBuffer(repeating: 1, count: Framing.wire.chunkBytes)
        let before = processorSeconds()
        let sender = BackgroundWork {
            for _ in 0..<count {
                try members[0].send(Frame(.opening, payload: payload), to: second, deadline: .after(.seconds(10)))
            }
        }
        for _ in 0..<count {
            _ = try members[1].receive([.opening], from: first, deadline: .after(.seconds(10)))
        }
        try sender.wait()
        return (processorSeconds() - before) / Double(count)
    }

    private static func middle(of values: [Double]) -> Double {
        values.sorted()[values.count / 2]
    }

    private static func connect() throws -> [any Transport] {
        let roles = Role.all(partyCount: 2)
        let listeners = try roles.map { _ in try TCPListener.bind(TCPAddress(host: "127.0.0.1", port: 0)) }
        let addresses = Dictionary(uniqueKeysWithValues: zip(roles, listeners.map(\.address)))
        let connections = zip(roles, listeners).map { role, listener in
            BackgroundWork { () throws -> any Transport in
                let configuration = TCPConfiguration(session: "frame costs", partyCount: 2, peers: addresses)
                return try TCPTransport.connect(
                    role: role,
                    configuration: configuration,
                    listener: listener,
                    deadline: .after(.seconds(10))
                )
            }
        }
        return try connections.map { try $0.wait() }
    }

    private static func close(_ members: [any Transport]) {
        let ends = members.map { member in BackgroundWork { member.close() } }
        for end in ends { try? end.wait() }
    }
}

/// A network between the members of a session: what a prediction adds to the time that computing takes.
///
/// Every pair of members has a link of its own, and a link carries both directions at full speed at once: bytes leave at
/// `bitsPerSecond` and arrive half a round trip later.
public struct NetworkProfile: Sendable, Hashable {
    /// What it is called on the command line.
    public var name: String
    /// Bits a second that a link carries in one direction; infinite where the network doesn't limit it.
    public var bitsPerSecond: Double
    /// From a message to its answer, in seconds; half of it each way.
    public var roundTrip: Double

    /// A network of one's own.
    ///
    /// - Precondition: the speed is positive and the round trip isn't negative.
    public init(name: String, bitsPerSecond: Double, roundTrip: Double) {
        precondition(bitsPerSecond > 0 && roundTrip >= 0, "a network of \(bitsPerSecond) bit/s, \(roundTrip) s")
        self.name = name
        self.bitsPerSecond = bitsPerSecond
        self.roundTrip = roundTrip
    }

    /// Members on one machine: no more than what its loopback takes.
    public static let loop = NetworkProfile(name: "loop", bitsPerSecond: .infinity, roundTrip: 0)
    /// One data centre: 3 Gbit/s, 0.3 ms.
    public static let lan = NetworkProfile(name: "lan", bitsPerSecond: 3e9, roundTrip: 0.3e-3)
    /// One city: 1 Gbit/s, 2 ms.
    public static let metro = NetworkProfile(name: "metro", bitsPerSecond: 1e9, roundTrip: 2e-3)
    /// One continent: 400 Mbit/s, 40 ms.
    public static let wan = NetworkProfile(name: "wan", bitsPerSecond: 400e6, roundTrip: 40e-3)
    /// Far apart, and slow: 100 Mbit/s, 80 ms.
    public static let poor = NetworkProfile(name: "poor", bitsPerSecond: 100e6, roundTrip: 80e-3)

    /// The five above, the fastest first.
    public static let all = [loop, lan, metro, wan, poor]

    /// Seconds that a link takes for `bytes` bytes in one direction.
    package func seconds(forBytes bytes: Int) -> Double {
        Double(bytes) * 8 / bitsPerSecond
    }
}

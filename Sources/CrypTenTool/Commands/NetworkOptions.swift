import ArgumentParser
import CrypTenRuntime
import Foundation

/// The network that a time is predicted for, or measured on.
struct NetworkOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            """
            Predict the time on this network: \(NetworkOptions.names), or one of your own, as 1Gbit/10ms. Speed each way, and round \
            trip: \(summary).
            """,
            valueName: "name"
        ),
        transform: NetworkOptions.profile
    )
    var network: NetworkProfile?

    private static func profile(_ name: String) throws -> NetworkProfile {
        if let known = NetworkProfile.all.first(where: { $0.name == name }) { return known }
        guard let own = own(name) else {
            throw ValidationError("choose \(names), or a speed and a round trip, as 1Gbit/10ms or 50Mbit/0.5ms")
        }
        return own
    }

    /// A network that is given as its speed and its round trip.
    private static func own(_ text: String) -> NetworkProfile? {
        func number(_ text: Substring, _ units: [(suffix: String, factor: Double)]) -> Double? {
            for unit in units where text.hasSuffix(unit.suffix) {
                return Double(text.dropLast(unit.suffix.count)).map { $0 * unit.factor }
            }
            return nil
        }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2,
            let speed = number(parts[0], [("Gbit", 1e9), ("Mbit", 1e6), ("kbit", 1e3)]),
            let roundTrip = number(parts[1], [("ms", 1e-3), ("us", 1e-6), ("s", 1)]),
            (1e3...1e13).contains(speed), (0...60).contains(roundTrip)
        else { return nil }
        return NetworkProfile(name: text, bitsPerSecond: speed, roundTrip: roundTrip)
    }

    private static let names = NetworkProfile.all.map(\.name).joined(separator: ", ")

    private static let summary = NetworkProfile.all.dropFirst().map { profile in
        let speed = profile.bitsPerSecond / 1e6
        return "\(profile.name) \(speed >= 1000 ? "\(Int(speed / 1000)) Gbit/s" : "\(Int(speed)) Mbit/s"), "
            + "\(profile.roundTrip < 1e-3 ? (profile.roundTrip * 1000).fixed(1) : (profile.roundTrip * 1000).fixed(0)) ms"
    }.joined(separator: "; ")
}

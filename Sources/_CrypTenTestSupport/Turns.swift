import Foundation

/// How often mutants and their sound originals are run, each time with other keys.
///
/// `CRYPTEN_MUTANT_TURNS=20` runs every mutant twenty times and what it is a mutant of two hundred times; without it a few
/// turns are run. Seeds follow from the turn, so that what fails fails again.
package enum Turns {
    private static let asked = ProcessInfo.processInfo.environment["CRYPTEN_MUTANT_TURNS"].flatMap(Int.init)

    /// Of each mutant.
    package static let mutants = max(1, asked ?? 3)
    /// Of what is sound.
    package static let clean = max(1, asked.map { 10 * $0 } ?? 20)

    /// The seed of a turn.
    package static func seed(_ turn: Int, _ base: UInt64) -> UInt64 {
        base &+ UInt64(turn) &* 0x1_0000_0001
    }

    /// One line of the list of mutants.
    package static func report(_ mutant: String, caught: Int, by test: String) {
        print("mutant: \(mutant): caught \(caught) times of \(mutants) by \(test)")
    }
}

package import Foundation

/// Where a fuzz target writes its seeds, instead of being fuzzed, where `CRYPTEN_FUZZ_SEEDS` names a folder.
///
/// They come from the program's own encoders: `Scripts/fuzz --make-corpus` makes them anew when a format changes.
package enum Seeds {
    /// Writes what `make` makes, by name, and ends the process; does nothing where no folder is named.
    package static func write(_ make: () throws -> [String: Data]) {
        guard let folder = ProcessInfo.processInfo.environment["CRYPTEN_FUZZ_SEEDS"] else { return }
        do {
            for (name, bytes) in try make() {
                try bytes.write(to: URL(fileURLWithPath: folder).appendingPathComponent("seed-\(name)"))
            }
            exit(0)
        } catch {
            fatalError("seeds can't be written: \(error)")
        }
    }
}

import ArgumentParser
import CrypTen
import Foundation

/// What makes a member one of the session's.
struct SecretOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Mix the bytes of this file into every key, the same at all members.",
            discussion: """
                Draw them once, and hand the file to every member by a way that nobody else reads: \
                head -c 32 /dev/urandom > FILE; chmod 600 FILE. Who doesn't have them can't be a member.
                """,
            valueName: "file"
        )
    )
    var secretFile: String?

    /// Reads the file, if one is named.
    func apply(to configuration: inout SessionConfiguration) throws {
        guard let secretFile else { return }
        configuration.preSharedSecret = try PreSharedSecret(contentsOf: URL(fileURLWithPath: secretFile))
    }
}

import ArgumentParser
import CrypTen

/// A file and the party that has it, on the command line: `NAME=X.npy@1`, or `X.npy@1` where the name goes without saying.
///
/// The party is what a last `@` and a number say. A file whose own name ends so is followed by its party, `x@1@0`; any other `@` is a
/// part of the name.
struct OwnedFile: ExpressibleByArgument, Hashable, Sendable {
    var file: NamedFile
    /// The party that has it; nil where none is named.
    var owner: PartyID?

    init(file: NamedFile, owner: PartyID?) {
        (self.file, self.owner) = (file, owner)
    }

    init?(argument: String) {
        var text = argument[...]
        if let sign = argument.lastIndex(of: "@"), case let digits = argument[argument.index(after: sign)...],
            !digits.isEmpty, digits.allSatisfy({ $0.isASCII && $0.isNumber })
        {
            guard let number = Int(digits), (0..<64).contains(number) else { return nil }
            owner = PartyID(number)
            text = argument[..<sign]
        }
        guard let file = NamedFile(argument: String(text)) else { return nil }
        self.file = file
    }

    /// How it stands on a command line.
    var argument: String {
        file.argument + (owner.map { "@\($0.index)" } ?? "")
    }

    /// The same with the party that has it.
    ///
    /// - Throws: as ``owner(of:option:usual:)``.
    func part(of parties: Int, option: String, usual: PartyID? = nil) throws -> Part {
        Part(file: file, owner: try owner(of: parties, option: option, usual: usual))
    }

    /// The party that has it.
    ///
    /// - Throws: `ValidationError` where none is named, or one that there isn't.
    func owner(of parties: Int, option: String, usual: PartyID? = nil) throws -> PartyID {
        guard let owner = owner ?? usual else {
            throw ValidationError("\(option) \(argument): say which party has it, as in \(file.path)@0")
        }
        guard owner.index < parties else {
            throw ValidationError("\(option) \(argument): there are parties 0 to \(parties - 1)")
        }
        return owner
    }
}

/// Files separated by commas, each with its owner: `x=A.npy@0,y=B.npy@1`.
struct OwnedFiles: ExpressibleByArgument, Hashable, Sendable {
    var files: [OwnedFile]

    init?(argument: String) {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
        let files = parts.compactMap { OwnedFile(argument: String($0)) }
        guard files.count == parts.count else { return nil }
        self.files = files
    }

    /// How they stand on a command line.
    var argument: String {
        files.map(\.argument).joined(separator: ",")
    }
}

import CrypTenBase
import Crypto
package import Foundation

/// A file's bytes under a key: a title, a salt, and pieces of 2^20 bytes, each sealed with ChaCha20-Poly1305.
///
/// Where the key was made of a passphrase, another title and what making it takes (``PassphraseWork``) stand before the salt.
/// The salt is drawn for the file, and makes the key that no other file has; a piece's nonce is its number, and whether it is the last, so
/// that pieces can't be exchanged, left out or cut off.
/// > Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", CRYPTO 2015:
/// > the STREAM construction.
package enum SealedFile {
    static let title = Array("crypten sealed 1".utf8)
    static let passphraseTitle = Array("crypten phrase 1".utf8)
    static let saltBytes = 32
    static let pieceBytes = 1 << 20
    static let tagBytes = 16

    static func nonce(_ piece: Int, isLast: Bool) throws -> ChaChaPoly.Nonce {
        let number = (0..<8).map { UInt8(truncatingIfNeeded: piece >> (8 * $0)) }
        return try ChaChaPoly.Nonce(data: number + [isLast ? 1 : 0, 0, 0, 0])
    }

    /// Whether bytes say that they are sealed.
    package static func isSealed(_ bytes: Data) -> Bool {
        bytes.starts(with: title) || bytes.starts(with: passphraseTitle)
    }

    /// What was sealed; the caller wipes it.
    ///
    /// - Parameter name: The file's, in errors.
    /// - Throws: `.invalidArgument` where the key or passphrase doesn't open it: it is another file's, or the file was changed; `.malformedFile` for
    ///   what wasn't sealed.
    package static func open(_ bytes: Data, with key: CheckpointKey, name: String) throws -> Data {
        let (fileKey, start) = try key.open(bytes, name: name)
        var rest = bytes.dropFirst(start)
        var out = Data(capacity: rest.count)
        var piece = 0
        do {
            repeat {
                let sealed = rest.prefix(pieceBytes + tagBytes)
                rest = rest.dropFirst(sealed.count)
                let box = try ChaChaPoly.SealedBox(
                    nonce: nonce(piece, isLast: rest.isEmpty),
                    ciphertext: sealed.prefix(max(0, sealed.count - tagBytes)),
                    tag: sealed.suffix(tagBytes)
                )
                var opened = try ChaChaPoly.open(box, using: fileKey)
                out.append(opened)
                opened.resetBytes(in: opened.startIndex..<opened.endIndex)
                piece += 1
            } while !rest.isEmpty
        } catch {
            out.resetBytes(in: out.startIndex..<out.endIndex)
            throw CrypTenError(.invalidArgument, "\(name): \(key.refusal)")
        }
        return out
    }
}

/// Writes a file's bytes, sealed where there is a key.
package struct CheckpointWriter: ~Copyable {
    private let file: DurableFile
    private let key: SymmetricKey?
    /// What waits to be a piece.
    private var waiting = Data()
    private var piece = 0

    /// Begins a file.
    package init(_ file: DurableFile, sealedWith key: CheckpointKey?) throws {
        let begun = try key?.begin()
        if let begun { try begun.bytes.withUnsafeBytes { try file.write($0) } }
        self.init(file, begun?.key)
    }

    private init(_ file: DurableFile, _ key: SymmetricKey?) {
        (self.file, self.key) = (file, key)
        if key != nil { waiting.reserveCapacity(SealedFile.pieceBytes) }
    }

    /// Adds bytes to the end.
    package mutating func write(_ bytes: UnsafeRawBufferPointer) throws {
        guard key != nil else { return try file.write(bytes) }
        var rest = bytes[...]
        while !rest.isEmpty {
            // The last piece says that it is: so a full one waits until there is more.
            if waiting.count == SealedFile.pieceBytes { try seal(isLast: false) }
            let part = rest.prefix(SealedFile.pieceBytes - waiting.count)
            waiting.append(contentsOf: part)
            rest = rest.dropFirst(part.count)
        }
    }

    /// Ends the file, as ``DurableFile/finish(_:)``.
    package consuming func finish(_ name: (String) -> String) throws -> String {
        if key != nil { try seal(isLast: true) }
        return try file.finish(name)
    }

    private mutating func seal(isLast: Bool) throws {
        guard let key else { return }
        let box = try ChaChaPoly.seal(waiting, using: key, nonce: SealedFile.nonce(piece, isLast: isLast))
        try box.ciphertext.withUnsafeBytes { try file.write($0) }
        try box.tag.withUnsafeBytes { try file.write($0) }
        waiting.resetBytes(in: waiting.startIndex..<waiting.endIndex)
        waiting.removeAll(keepingCapacity: true)
        piece += 1
    }
}

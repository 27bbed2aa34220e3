import CrypTenBase
import CrypTenRuntime
import Crypto
import Foundation
import Testing

@Suite("Files that are there whole, and sealed ones")
struct SealedFileTests {
    /// A folder of its own.
    struct Place: ~Copyable {
        let folder: URL

        init() throws {
            folder = FileManager.default.temporaryDirectory.appendingPathComponent("crypten-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        }

        deinit {
            try? FileManager.default.removeItem(at: folder)
        }
    }

    private static func write(_ bytes: Data, in folder: URL, _ key: CheckpointKey?) throws -> URL {
        var writer = try CheckpointWriter(try DurableFile(in: folder, aside: ".aside"), sealedWith: key)
        // In uneven pieces, so that some end where a sealed one does.
        var rest = bytes
        for size in [0, 1, 1 << 20, 5] {
            try rest.prefix(size).withUnsafeBytes { try writer.write($0) }
            rest = rest.dropFirst(size)
        }
        try rest.withUnsafeBytes { try writer.write($0) }
        return folder.appendingPathComponent(try writer.finish { "\($0).bin" })
    }

    private static func bytes(_ count: Int) -> Data {
        Data((0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) })
    }

    private static func key(_ byte: UInt8) throws -> CheckpointKey {
        try CheckpointKey([UInt8](repeating: byte, count: 32))
    }

    @Test("a finished file is there under its digest, for its owner alone; an unfinished one leaves nothing")
    func durable() throws {
        let place = try Place()
        let folder = place.folder
        let url = try Self.write(Self.bytes(3000), in: folder, nil)
        #expect(try Data(contentsOf: url) == Self.bytes(3000))
        #expect(url.deletingPathExtension().lastPathComponent == DurableFile.digest(of: Self.bytes(3000)))
        #expect(try FileManager.default.attributesOfItem(atPath: url.path)[.posixPermissions] as? Int == 0o600)
        do {
            let file = try DurableFile(in: folder, aside: ".aside")
            try Self.bytes(10).withUnsafeBytes { try file.write($0) }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 2)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [url.lastPathComponent])
        // What a killed process has left is written over.
        try Data("torn".utf8).write(to: folder.appendingPathComponent(".aside"))
        #expect(try Self.write(Self.bytes(3000), in: folder, nil) == url)
        let missing = folder.appendingPathComponent("no")
        #expect(throws: CrypTenError.self) { try DurableFile(in: missing, aside: ".aside") }
    }

    @Test(
        "what is sealed is opened again, whatever its size",
        arguments: [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 2 << 20, (2 << 20) + 77]
    )
    func sealed(count: Int) throws {
        let place = try Place()
        let key = try Self.key(1)
        let sealed = try Data(contentsOf: Self.write(Self.bytes(count), in: place.folder, key))
        #expect(SealedFile.isSealed(sealed))
        #expect(sealed.count == count + 48 + 16 * max(1, (count + (1 << 20) - 1) >> 20))
        #expect(try SealedFile.open(sealed, with: key, name: "x") == Self.bytes(count))
        // Another salt each time.
        #expect(try Data(contentsOf: Self.write(Self.bytes(count), in: place.folder, key)) != sealed)
    }

    @Test("no bit of a sealed file can be changed, and no piece left out, moved or cut off")
    func changed() throws {
        let place = try Place()
        let key = try Self.key(1)
        let count = (2 << 20) + 100
        let sealed = try Data(contentsOf: Self.write(Self.bytes(count), in: place.folder, key))
        let piece = (1 << 20) + 16
        var changed: [Data] = []
        for position in [0, 20, 50, 48 + piece - 1, 48 + piece + 3, sealed.count - 1] {
            var copy = sealed
            copy[position] ^= 1
            changed.append(copy)
        }
        let head = sealed.prefix(48)
        let pieces = [
            sealed.dropFirst(48).prefix(piece), sealed.dropFirst(48 + piece).prefix(piece),
            sealed.dropFirst(48 + 2 * piece),
        ]
        changed += [
            head + pieces[0], head + pieces[0] + pieces[1], head + pieces[1] + pieces[0] + pieces[2], head + pieces[2],
            head + pieces[0] + pieces[2], sealed + Data([0]), sealed.prefix(sealed.count - 1), head, Data(),
        ]
        for bytes in changed {
            #expect(throws: CrypTenError.self) { try SealedFile.open(Data(bytes), with: key, name: "x") }
        }
        let other = #expect(throws: CrypTenError.self) { try SealedFile.open(sealed, with: try Self.key(2), name: "x") }
        #expect(other?.code == .invalidArgument)
        #expect(other?.message.hasPrefix("x: this key doesn't open it") == true)
    }

    /// A key of a passphrase, of as little work as a file may ask for.
    private static func key(_ passphrase: String) throws -> CheckpointKey {
        try CheckpointKey(passphrase: Data(passphrase.utf8), rounds: 14)
    }

    @Test("work for a passphrase is scrypt, as RFC 7914 has it")
    func scrypt() throws {
        let work = PassphraseWork(salt: Array("SodiumChloride".utf8), rounds: 14, blocks: 8, parallelism: 1)
        let key = try work.key(of: Data("pleaseletmein".utf8))
        let words: [UInt64] = [
            0x7023_bdcb_3afd_7348, 0x461c_06cd_81fd_38eb, 0xfda8_fbba_904f_8e3e, 0xa9b5_43f6_545d_a1f2,
        ]
        #expect(
            key.withUnsafeBytes { Array($0) }
                == words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) } }
        )
        #expect(PassphraseWork.usualRounds == 17)
    }

    @Test("what is sealed with a passphrase is opened by the same one alone, in another process, too, and by no key")
    func passphrases() throws {
        let place = try Place()
        let (key, count) = (try Self.key("some words"), (1 << 20) + 77)
        let sealed = try Data(contentsOf: Self.write(Self.bytes(count), in: place.folder, key))
        #expect(SealedFile.isSealed(sealed) && sealed.count == count + 67 + 32)
        #expect(try SealedFile.open(sealed, with: key, name: "x") == Self.bytes(count))
        // Another value of the same words, which draws a salt of its own.
        #expect(try SealedFile.open(sealed, with: try Self.key("some words"), name: "x") == Self.bytes(count))
        let other = try Data(contentsOf: Self.write(Self.bytes(9), in: place.folder, try Self.key("some words")))
        #expect(sealed[16..<32] != other[16..<32] && sealed[32..<35] == other[32..<35])
        for (wrong, code, what) in [
            (try Self.key("some word"), CrypTenError.Code.invalidArgument, "x: this passphrase doesn't open it"),
            (try Self.key(1), .invalidArgument, "x: it was sealed with a passphrase"),
        ] {
            let error = #expect(throws: CrypTenError.self) { try SealedFile.open(sealed, with: wrong, name: "x") }
            #expect(error?.code == code && error?.message.hasPrefix(what) == true, "\(error?.message ?? "")")
        }
        let drawn = try Data(contentsOf: Self.write(Self.bytes(9), in: place.folder, try Self.key(1)))
        let error = #expect(throws: CrypTenError.self) { try SealedFile.open(drawn, with: key, name: "x") }
        #expect(error?.message.hasPrefix("x: it was sealed with a key") == true)
        // No bit of its head can be changed, and no file makes a party work for minutes or for nothing.
        for position in [0, 20, 40] {
            var copy = sealed
            copy[position] ^= 1
            #expect(throws: CrypTenError.self) { try SealedFile.open(copy, with: key, name: "x") }
        }
        for (position, value) in [(32, 1), (32, 13), (32, 21), (32, 255), (33, 0), (33, 255), (34, 0), (34, 200)] {
            var copy = sealed
            copy[position] = UInt8(value)
            let error = #expect(throws: CrypTenError.self) { try SealedFile.open(copy, with: key, name: "x") }
            #expect(error?.code == .malformedFile, "\(error?.message ?? "")")
        }
        #expect(throws: CrypTenError.self) { try SealedFile.open(sealed.prefix(60), with: key, name: "x") }
    }

    @Test("a passphrase is the one line of a file that its owner alone can read, or of a pipe, and never printed")
    func passphraseFiles() throws {
        let place = try Place()
        let url = place.folder.appendingPathComponent("phrase")
        func write(_ text: String, mode: Int = 0o600) throws {
            try Data(text.utf8).write(to: url)
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: url.path)
        }
        for (text, mode, what) in [
            ("some words\n", 0o644, "chmod 600"), ("short\n", 0o600, "fewer than 8 bytes"),
            ("some\nwords in two lines\n", 0o600, "one line"), (String(repeating: "x", count: 70_000), 0o600, "65536"),
        ] {
            try write(text, mode: mode)
            let error = #expect(throws: CrypTenError.self) { try CheckpointKey(passphraseIn: url) }
            #expect(error?.code == .invalidArgument)
            #expect(
                error?.message.contains(what) == true && error?.message.contains(url.path) == true,
                "\(error?.message ?? "")"
            )
        }
        try write("some words\r\n")
        #expect(try CheckpointKey.passphrase(in: url) == Data("some words".utf8))
        var text = ""
        dump(try CheckpointKey(passphraseIn: url), to: &text)
        #expect(!text.contains("words"))
        #expect(throws: CrypTenError.self) { try CheckpointKey(passphraseIn: place.folder) }
        let pipe = Pipe()
        try pipe.fileHandleForWriting.write(contentsOf: Data("words of a pipe\n".utf8))
        try pipe.fileHandleForWriting.close()
        let descriptor = URL(fileURLWithPath: "/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)")
        #expect(try CheckpointKey.passphrase(in: descriptor) == Data("words of a pipe".utf8))
    }

    @Test("a sealing key is read from a file that its owner alone can read, and never printed")
    func keys() throws {
        let place = try Place()
        let url = place.folder.appendingPathComponent("key")
        #expect(throws: CrypTenError.self) { try CheckpointKey(contentsOf: url) }
        try Data("a secret of some length".utf8).write(to: url)
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: url.path)
        let open = #expect(throws: CrypTenError.self) { try CheckpointKey(contentsOf: url) }
        #expect(open?.code == .invalidArgument && open?.message.contains("chmod 600") == true)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: url.path)
        let key = try CheckpointKey(contentsOf: url)
        var text = ""
        dump(key, to: &text)
        #expect(!"\(key) \(text)".contains("secret of"))
        try Data("short".utf8).write(to: url)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: url.path)
        let short = #expect(throws: CrypTenError.self) { try CheckpointKey(contentsOf: url) }
        #expect(short?.message.hasPrefix(url.path) == true && short?.message.contains("16 bytes") == true)
    }
}

import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import Foundation
import Testing

@Suite("NumPy files")
struct NumpyFileTests {
    /// A file's bytes with a header as NumPy writes it.
    private func bytes(_ header: String, _ data: [UInt8], version: UInt8 = 1) -> Data {
        var out = Data([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0])
        let length = header.utf8.count
        out.append(contentsOf: (0..<(version == 1 ? 2 : 4)).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) })
        return out + Data(header.utf8) + Data(data)
    }

    private func header(_ type: String, _ shape: String, fortran: Bool = false) -> String {
        "{'descr': '\(type)', 'fortran_order': \(fortran ? "True" : "False"), 'shape': \(shape), }          \n"
    }

    private func message(_ bytes: Data) -> String? {
        do {
            _ = try Tensor(numpyFileBytes: bytes, name: "x.npy")
            return nil
        } catch {
            return (error as? CrypTenError)?.message
        }
    }

    @Test("what is written is read again, in its own type, from any shape")
    func roundTrips() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).npy")
        defer { try? FileManager.default.removeItem(at: url) }
        let shapes: [Shape] = [[], [1], [0], [6], [2, 3], [3, 1, 2], [0, 5]]
        for shape in shapes {
            let values = (0..<shape.count).map { Double($0) * 1.5 - 2 }
            let tensors = [
                Tensor(.float(values.map { Float($0) }), shape: shape),
                Tensor(.double(values), shape: shape),
                Tensor(.int32(values.map { Int32($0) }), shape: shape),
                Tensor(.int64(values.map { Int64($0) &<< 33 }), shape: shape),
                Tensor(.bool(values.map { $0 > 0 }), shape: shape),
            ]
            for tensor in tensors {
                try tensor.write(toNumpyFile: url)
                #expect(try Tensor(contentsOfNumpyFile: url) == tensor)
                #expect(try Data(contentsOf: url).count % 64 == (tensor.shape.count * elementSize(tensor)) % 64)
            }
        }
    }

    private func elementSize(_ tensor: Tensor) -> Int {
        switch tensor.elements {
        case .double, .int64: 8
        case .float, .int32: 4
        case .bool: 1
        }
    }

    @Test(
        "every type is read in both byte orders",
        arguments: [
            ("i1", [0xff], Tensor.Elements.int32([-1])), ("u1", [0xff], .int32([255])),
            ("i2", [0xfe, 0xff], .int32([-2])),
            ("u2", [0xfe, 0xff], .int32([0xfffe])), ("i4", [1, 0, 0, 0x80], .int32([-0x7fff_ffff])),
            ("u4", [1, 0, 0, 0x80], .int64([0x8000_0001])), ("i8", [2, 0, 0, 0, 0, 0, 0, 0x80], .int64([.min + 2])),
            ("u8", [2, 0, 0, 0, 0, 0, 0, 0x7f], .int64([0x7f00_0000_0000_0002])), ("f2", [0, 0x3e], .float([1.5])),
            ("f4", [0, 0, 0xc0, 0x3f], .float([1.5])), ("f8", [0, 0, 0, 0, 0, 0, 0xf8, 0x3f], .double([1.5])),
            ("b1", [1], .bool([true])),
        ] as [(String, [UInt8], Tensor.Elements)]
    )
    func types(type: String, data: [UInt8], expected: Tensor.Elements) throws {
        let order = data.count == 1 ? "|" : "<"
        #expect(try Tensor(numpyFileBytes: bytes(header(order + type, "(1,)"), data)).elements == expected)
        #expect(try Tensor(numpyFileBytes: bytes(header(">" + type, "(1,)"), data.reversed())).elements == expected)
    }

    @Test("16-bit floats have their values, subnormal ones and infinities too")
    func halves() throws {
        let bits: [UInt16] = [0x0001, 0x03ff, 0x0400, 0x3c00, 0xc000, 0x7bff, 0x7c00, 0x8000]
        let data = bits.flatMap { [UInt8($0 & 0xff), UInt8($0 >> 8)] }
        let expected: [Float] = [0x1p-24, 1023 * 0x1p-24, 0x1p-14, 1, -2, 65504, .infinity, -0.0]
        #expect(try Tensor(numpyFileBytes: bytes(header("<f2", "(8,)"), data)).elements == .float(expected))
    }

    @Test("column-major files become row-major")
    func fortranOrder() throws {
        let data = (0..<6).map { UInt8($0) }
        let tensor = try Tensor(numpyFileBytes: bytes(header("|u1", "(2, 3)", fortran: true), data))
        #expect(tensor == Tensor(.int32([0, 2, 4, 1, 3, 5]), shape: [2, 3]))
        let cube = try Tensor(numpyFileBytes: bytes(header("|u1", "(1, 2, 3)", fortran: true), data))
        #expect(cube.elements == .int32([0, 2, 4, 1, 3, 5]))
    }

    @Test("format versions 2 and 3 have longer headers", arguments: [UInt8(2), 3])
    func versions(version: UInt8) throws {
        let tensor = try Tensor(numpyFileBytes: bytes(header("|i1", "(2,)"), [1, 2], version: version))
        #expect(tensor.elements == .int32([1, 2]))
    }

    @Test(
        "a broken file is an error that names the file and what is wrong",
        arguments: [
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", [0, 0, 0, 0], "truncated"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", [0, 0, 0, 0, 0], "1 bytes follow"),
            ("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", [0], "pickled"),
            ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", [0], "records"),
            ("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", [0], "<c8"),
            ("{'descr': '<U4', 'fortran_order': False, 'shape': (1,), }", [0], "<U4"),
            ("{'descr': '', 'fortran_order': False, 'shape': (1,), }", [0], "isn't known"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", [0], "isn't one"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999999, 9999999999999), }", [0], "isn't one"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", [0], "dictionary"),
            ("{'descr': '<f4', 'fortran_order': False, }", [0], "no shape"),
            ("{'descr': '<f4', 'shape': (1,), }", [0], "order"),
            ("{'fortran_order': False, 'shape': (1,), }", [0], "no element type"),
            ("hello", [0], "dictionary"), ("{", [], "dictionary"), ("{'descr'", [], "dictionary"),
            ("{'descr: 1", [], "dictionary"),
            ("{'descr': '<u8', 'fortran_order': False, 'shape': (1,), }", [0, 0, 0, 0, 0, 0, 0, 0x80], "above 2^63"),
        ] as [(String, [UInt8], String)]
    )
    func broken(header: String, data: [UInt8], expected: String) {
        let text = message(bytes(header, data))
        #expect(text?.hasPrefix("x.npy: ") == true)
        #expect(text?.contains(expected) == true, "\(text ?? "no error")")
    }

    @Test("files that are missing, folders, empty or of another kind are errors")
    func wrongFiles() throws {
        #expect(message(Data())?.contains("empty") == true)
        #expect(message(Data("PK\u{3}\u{4} a zip file".utf8))?.contains("isn't a NumPy file") == true)
        #expect(message(bytes("x", [], version: 9))?.contains("version 9.0") == true)
        var long = bytes(header("<f4", "(1,)"), [0, 0, 0, 0], version: 2)
        long.replaceSubrange(8..<12, with: [0xff, 0xff, 0xff, 0x7f])
        #expect(message(long)?.contains("claims") == true)
        for url in [URL(fileURLWithPath: "/nowhere/x.npy"), FileManager.default.temporaryDirectory] {
            let error = #expect(throws: CrypTenError.self) { try Tensor(contentsOfNumpyFile: url) }
            #expect(error?.code == .fileNotReadable)
        }
        let error = #expect(throws: CrypTenError.self) {
            try Tensor(1.0).write(toNumpyFile: URL(fileURLWithPath: "/nowhere/x.npy"))
        }
        #expect(error?.code == .fileNotReadable)
    }

    @Test("no truncation and no flipped bit of a file crashes the reader")
    func hostile() throws {
        let whole = bytes(header("<f4", "(2, 3)"), [UInt8](repeating: 7, count: 24))
        for length in 0..<whole.count { #expect(message(whole.prefix(length)) != nil, "\(length) bytes") }
        for position in whole.indices {
            for bit in 0..<8 {
                var flipped = whole
                flipped[position] ^= 1 << bit
                _ = message(flipped)
            }
        }
    }
}

internal import Foundation

/// Reads the JSON of a safetensors header: an object of tensors and of texts, and nothing that JSON has besides; without recursion.
struct SafetensorsHeaderParser {
    /// A tensor as the header says it.
    struct Entry {
        var name: String
        var type: String
        var shape: [Int]
        var offsets: [Int]
    }

    /// What is wrong, and where.
    struct Problem: Error {
        var what: String
        var place: Int
    }

    private let bytes: [UInt8]
    private var place = 0

    init(_ bytes: Data) {
        self.bytes = [UInt8](bytes)
    }

    /// All of the header, up to spaces at the end.
    mutating func header() throws -> (entries: [Entry], metadata: [String: String]) {
        var entries: [Entry] = []
        var metadata: [String: String]?
        try members { parser, name in
            guard name == SafetensorsReader.metadataName else {
                entries.append(try parser.entry(name))
                return
            }
            guard metadata == nil else { throw parser.problem("has its metadata twice") }
            metadata = try parser.texts()
        }
        skipSpaces()
        guard place == bytes.count else { throw problem("goes on after its end") }
        return (entries, metadata ?? [:])
    }

    private mutating func entry(_ name: String) throws -> Entry {
        var entry = Entry(name: name, type: "", shape: [], offsets: [])
        var seen: Set<String> = []
        try members { parser, key in
            guard seen.insert(key).inserted else { throw parser.problem("says \(key) twice of '\(name)'") }
            switch key {
            case "dtype": entry.type = try parser.string()
            case "shape": entry.shape = try parser.numbers()
            case "data_offsets": entry.offsets = try parser.numbers()
            default: throw parser.problem("says '\(key)' of '\(name)', which isn't known")
            }
        }
        guard seen.count == 3, entry.offsets.count == 2 else {
            throw problem("doesn't say type, shape and two offsets of '\(name)'")
        }
        return entry
    }

    private mutating func texts() throws -> [String: String] {
        var texts: [String: String] = [:]
        try members { parser, key in
            guard texts.updateValue(try parser.string(), forKey: key) == nil else {
                throw parser.problem("has two texts '\(key)'")
            }
        }
        return texts
    }

    // MARK: JSON

    /// `{"name": value, …}`, where `value` reads what stands after the colon.
    private mutating func members(_ value: (inout SafetensorsHeaderParser, String) throws -> Void) throws {
        try expect("{")
        if take("}") { return }
        repeat {
            let name = try string()
            try expect(":")
            try value(&self, name)
        } while take(",")
        try expect("}")
    }

    private mutating func numbers() throws -> [Int] {
        var numbers: [Int] = []
        try expect("[")
        if take("]") { return numbers }
        repeat { numbers.append(try number()) } while take(",")
        try expect("]")
        return numbers
    }

    /// A number that isn't negative and has no fraction.
    private mutating func number() throws -> Int {
        skipSpaces()
        let start = place
        var number = 0
        while place < bytes.count, case let digit = Int(bytes[place]) - 48, (0...9).contains(digit) {
            let (product, first) = number.multipliedReportingOverflow(by: 10)
            let (sum, second) = product.addingReportingOverflow(digit)
            guard !first, !second else { throw problem("has a number that is too large") }
            number = sum
            place += 1
        }
        guard place > start else { throw problem("has something else where a number of 0 or more is due") }
        return number
    }

    private mutating func string() throws -> String {
        try expect("\"")
        var out: [UInt8] = []
        while true {
            guard place < bytes.count else { throw problem("ends in a text") }
            let byte = bytes[place]
            place += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: out, as: UTF8.self) else {
                    throw problem("has a text that isn't UTF-8")
                }
                return text
            case UInt8(ascii: "\\"): out += try escaped()
            case 0..<0x20: throw problem("has a control character in a text")
            default: out.append(byte)
            }
        }
    }

    /// What a backslash and the next characters stand for.
    private mutating func escaped() throws -> [UInt8] {
        guard place < bytes.count else { throw problem("ends in a text") }
        let byte = bytes[place]
        place += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [8]
        case UInt8(ascii: "f"): return [12]
        case UInt8(ascii: "n"): return [10]
        case UInt8(ascii: "r"): return [13]
        case UInt8(ascii: "t"): return [9]
        case UInt8(ascii: "u"):
            var value = try unit()
            if (0xd800..<0xdc00).contains(value) {
                guard place + 2 <= bytes.count, bytes[place...].starts(with: Array("\\u".utf8)) else {
                    throw problem("has half of a character")
                }
                place += 2
                let low = try unit()
                guard (0xdc00..<0xe000).contains(low) else { throw problem("has half of a character") }
                value = 0x10000 + (value - 0xd800) << 10 + (low - 0xdc00)
            }
            guard let scalar = Unicode.Scalar(value) else { throw problem("has half of a character") }
            return Array(String(Character(scalar)).utf8)
        default: throw problem("has a text with a backslash that means nothing")
        }
    }

    private mutating func unit() throws -> UInt32 {
        guard place + 4 <= bytes.count else { throw problem("ends in a text") }
        var value: UInt32 = 0
        for byte in bytes[place..<place + 4] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                throw problem("has a text with a backslash that means nothing")
            }
            value = value << 4 | UInt32(digit)
        }
        place += 4
        return value
    }

    private mutating func skipSpaces() {
        while place < bytes.count, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[place]) { place += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpaces()
        guard place < bytes.count, bytes[place] == UInt8(ascii: character) else { return false }
        place += 1
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar) throws {
        guard take(character) else { throw problem("isn't such a file's JSON: '\(character)' is due") }
    }

    private func problem(_ what: String) -> Problem {
        Problem(what: what, place: place)
    }
}

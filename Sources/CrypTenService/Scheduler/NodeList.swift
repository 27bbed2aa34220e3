import CrypTenBase

/// Hosts and tasks as Slurm writes them: `rack[1-2]n[01-10],login1`, and `2(x3),1`.
package enum NodeList {
    /// Lists beyond this are none of a session's.
    package static let most = 1 << 16

    /// The hosts that a list names, in its order: `n[08-10,12]` is n08, n09, n10 and n12.
    ///
    /// - Parameter variable: Where the list stands, for errors.
    /// - Throws: `.invalidArgument` for what is no list, or names more than ``most`` hosts.
    package static func hosts(_ list: String, variable: String) throws -> [String] {
        func fault(_ reason: String) -> CrypTenError {
            CrypTenError(.invalidArgument, "\(variable) is no list of hosts: \(reason)")
        }
        var hosts: [String] = []
        for name in try names(list, fault) {
            var grown = [""]
            var rest = name[...]
            while let open = rest.firstIndex(of: "[") {
                guard let close = rest[open...].firstIndex(of: "]") else { throw fault("a bracket isn't closed") }
                let numbers = try numbers(rest[rest.index(after: open)..<close], fault)
                guard hosts.count + grown.count * numbers.count <= most else { throw fault("it names too many") }
                let before = rest[..<open]
                grown = grown.flatMap { start in numbers.map { start + before + $0 } }
                rest = rest[rest.index(after: close)...]
            }
            guard !rest.contains("]") else { throw fault("a bracket is closed that wasn't opened") }
            hosts += grown.map { $0 + rest }
            guard hosts.count <= most else { throw fault("it names too many") }
        }
        guard hosts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(isPlain) }) else {
            throw fault("a name is empty, or has a letter that no host's name has")
        }
        return hosts
    }

    /// How many tasks each host has: `2(x3),1` is 2, 2, 2 and 1.
    ///
    /// - Throws: `.invalidArgument` for what is no such list, or is longer than ``most``.
    package static func tasks(_ list: String, variable: String) throws -> [Int] {
        var tasks: [Int] = []
        for item in list.split(separator: ",", omittingEmptySubsequences: false) {
            let digits = item.prefix { $0 != "(" }
            let rest = item.dropFirst(digits.count)
            var times: Int? = 1
            if !rest.isEmpty {
                times = rest.hasPrefix("(x") && rest.hasSuffix(")") ? number(rest.dropFirst(2).dropLast()) : nil
            }
            guard let count = number(digits), let times, times >= 1, times <= most - tasks.count else {
                throw CrypTenError(
                    .invalidArgument,
                    "\(variable) is no list of how many tasks hosts have, as 2(x3),1: '\(item.prefix(40))'"
                )
            }
            tasks += Array(repeating: count, count: times)
        }
        return tasks
    }

    /// What stands between commas outside of brackets.
    private static func names(_ list: String, _ fault: (String) -> CrypTenError) throws -> [String] {
        var names = [""]
        var isInside = false
        for character in list {
            if character == "[" {
                guard !isInside else { throw fault("a bracket stands within another") }
                isInside = true
            }
            if character == "]" { isInside = false }
            if character == ",", !isInside {
                names.append("")
            } else {
                names[names.count - 1].append(character)
            }
        }
        return names
    }

    /// `08-10,12`, as texts of the same width as the first of each range.
    private static func numbers(_ ranges: Substring, _ fault: (String) -> CrypTenError) throws -> [String] {
        var numbers: [String] = []
        for range in ranges.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = range.split(separator: "-", omittingEmptySubsequences: false)
            guard ends.count <= 2, let first = ends.first, let last = ends.last, let low = number(first),
                let high = number(last), low <= high, high - low < most - numbers.count
            else { throw fault("'\(range.prefix(40))' is no range of numbers") }
            for number in low...high {
                let digits = "\(number)"
                numbers.append(String(repeating: "0", count: max(0, first.utf8.count - digits.utf8.count)) + digits)
            }
        }
        return numbers
    }

    /// A number without a sign, of at most nine digits.
    private static func number(_ digits: Substring) -> Int? {
        guard (1...9).contains(digits.utf8.count), digits.utf8.allSatisfy({ (48...57).contains($0) }) else {
            return nil
        }
        return Int(digits)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"): true
        default: false
        }
    }
}

/// Which arguments of one command line are whose, where all members are given the same.
struct MemberArguments {
    /// Options of `party` that one member alone has, and whether a value follows.
    private static let owners: [String: (owner: Owner, hasValue: Bool)] = [
        "--input": (.first, true), "--public": (.first, true), "--range": (.first, true),
        "--output-dir": (.first, true), "--memory-limit": (.first, true), "--prepare": (.first, false),
        "--model": (.second, true), "--secret": (.second, true), "--open": (.second, true),
        "--weight-exponents": (.second, false), "--prepared-file": (.last, true),
    ]

    private enum Owner {
        case first, second, last
    }

    /// What a dealer takes of a party's options, and whether a value follows.
    private static let dealers: [String: Bool] = [
        "--cluster": true, "--threads": true, "--device": true, "--memory-limit": true, "--timeout": true,
        "--silence-limit": true,
        "--patience": true, "--secret-file": true, "--identity": true, "--peer-identity": true, "--peer-name": true,
        "--authority": true, "--revoked": true, "--insecure-no-tls": false, "--insecure-plaintext": false,
    ]

    /// The words behind the command.
    var words: [String]

    /// What party `party` of `count` takes of a `party` command's.
    func taken(byParty party: Int, of count: Int) -> [String] {
        filtered { option in
            guard let (owner, hasValue) = MemberArguments.owners[option] else { return (true, false) }
            let index =
                switch owner {
                case .first: 0
                case .second: 1
                case .last: count - 1
                }
            return (index == party, hasValue)
        }
    }

    /// What the dealer takes; the rest is the parties'.
    func takenByDealer() -> [String] {
        filtered { option in
            guard let hasValue = MemberArguments.dealers[option] else { return (false, false) }
            return (true, hasValue)
        }
    }

    /// Without what is said of the member itself: by what the others know it.
    func withoutOwnName(_ name: String) -> [String] {
        var kept: [String] = []
        var rest = words[...]
        while let word = rest.popFirst() {
            guard
                let option = ["--peer-identity", "--peer-name"].first(where: { word == $0 || word.hasPrefix($0 + "=") })
            else {
                kept.append(word)
                continue
            }
            let value = word == option ? rest.popFirst() : String(word.dropFirst(option.count + 1))
            if value?.hasPrefix(name + "=") != true { kept += [option] + (value.map { [$0] } ?? []) }
        }
        return kept
    }

    /// - Parameter judge: Whether an option is kept, and whether its value is the next word.
    private func filtered(_ judge: (String) -> (isKept: Bool, hasValue: Bool)) -> [String] {
        var kept: [String] = []
        var rest = words[...]
        while let word = rest.popFirst() {
            let (isKept, hasValue) = judge(String(word.prefix { $0 != "=" }))
            if isKept { kept.append(word) }
            guard hasValue, !word.contains("="), let value = rest.popFirst() else { continue }
            if isKept { kept.append(value) }
        }
        return kept
    }
}

import CrypTen

extension String {
    /// For text and for attributes in quotes.
    var escaped: String {
        var out = ""
        for character in self {
            switch character {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            case "'": out += "&#39;"
            default: out.append(character)
            }
        }
        return out
    }
}

extension Int {
    /// A number of bytes for people: 58.7 MB.
    var bytes: String {
        self < 1000 ? "\(self) B" : Double(self).scaled + "B"
    }
}

extension Double {
    /// Three digits and a prefix: 1.81 G.
    var scaled: String {
        var (value, prefixes) = (self, ["", "k", "M", "G", "T", "P"][...])
        while value >= 999.5, prefixes.count > 1 {
            value /= 1000
            prefixes.removeFirst()
        }
        let digits = prefixes.first == "" ? 0 : value < 9.995 ? 2 : value < 99.95 ? 1 : 0
        return "\(value.fixed(digits)) \(prefixes.first ?? "")"
    }

    /// Seconds for people: 12.3 ms.
    var duration: String {
        if self >= 99.95 { return "\(fixed(0)) s" }
        if self >= 0.9995 { return "\(fixed(self < 9.995 ? 2 : 1)) s" }
        if self >= 0.9995e-3 { return "\((self * 1000).fixed(self < 9.995e-3 ? 2 : self < 99.95e-3 ? 1 : 0)) ms" }
        return "\((self * 1e6).fixed(0)) µs"
    }

    /// A share as CSS has it.
    var percent: String {
        (self * 100).fixed(2) + "%"
    }
}

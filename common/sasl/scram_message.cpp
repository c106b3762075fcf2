#include "common/sasl/scram_message.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/crypto/scram.h"

namespace pennypost {
namespace {

Error malformed(const char* what) {
  return Error(501, "5.5.4", std::string("malformed SCRAM message: ") + what);
}

/// The value of `x=value`; an error if the attribute is another one.
Result<std::string> attribute(std::string_view part, char name) {
  if (part.size() < 2 || part[0] != name || part[1] != '=') {
    return malformed((std::string("expected ") + name + "=").c_str());
  }
  return std::string(part.substr(2));
}

Result<std::string> decoded(std::string_view part, char name) {
  TRY(auto text, attribute(part, name));
  auto bytes = base64_decode(text);
  if (!bytes) return malformed("base64");
  return *std::move(bytes);
}

Result<std::string> decode_name(std::string_view text) {
  std::string name;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') {
      name += text[i];
    } else if (text.substr(i, 3) == "=2C") {
      name += ',';
      i += 2;
    } else if (text.substr(i, 3) == "=3D") {
      name += '=';
      i += 2;
    } else {
      return malformed("name");
    }
  }
  if (name.find('\0') != std::string::npos) return malformed("name");
  return name;
}

bool is_nonce(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char c) { return c > 0x20 && c < 0x7f && c != ','; });
}

}  // namespace

Result<ScramClientFirst> ScramClientFirst::parse(std::string_view message) {
  ScramClientFirst first;
  auto comma = message.find(',');
  auto second = comma == std::string_view::npos ? comma : message.find(',', comma + 1);
  if (second == std::string_view::npos) return malformed("no gs2 header");
  first.header = message.substr(0, second + 1);
  first.channel = message.substr(0, comma);
  if (first.channel != "n" && first.channel != "y" && !first.channel.starts_with("p=")) {
    return malformed("gs2 header");
  }
  auto authorization = message.substr(comma + 1, second - comma - 1);
  if (!authorization.empty()) {
    TRY(auto text, attribute(authorization, 'a'));
    TRY(first.authorization, decode_name(text));
  }
  first.bare = message.substr(second + 1);
  auto parts = split(first.bare, ',');
  // An unknown mandatory extension (m=) is an error; others after the nonce are ignored.
  if (parts.size() < 2) return malformed("no nonce");
  TRY(auto name, attribute(parts[0], 'n'));
  TRY(first.login, decode_name(name));
  if (first.login.empty()) return malformed("empty name");
  TRY(first.nonce, attribute(parts[1], 'r'));
  if (!is_nonce(first.nonce)) return malformed("nonce");
  return first;
}

Result<ScramServerFirst> ScramServerFirst::parse(std::string_view message) {
  ScramServerFirst first;
  auto parts = split(message, ',');
  if (parts.size() < 3) return malformed("server's first message");
  TRY(first.nonce, attribute(parts[0], 'r'));
  if (!is_nonce(first.nonce)) return malformed("nonce");
  TRY(first.salt, decoded(parts[1], 's'));
  TRY(auto iterations, attribute(parts[2], 'i'));
  auto number = parse_number(iterations);
  if (!number || *number == 0 || *number > ScramKeys::iterations_max || first.salt.empty()) {
    return malformed("iterations");
  }
  first.iterations = static_cast<std::uint32_t>(*number);
  return first;
}

Result<ScramClientFinal> ScramClientFinal::parse(std::string_view message) {
  ScramClientFinal final;
  auto proof = message.rfind(",p=");
  if (proof == std::string_view::npos) return malformed("no proof");
  final.without_proof = message.substr(0, proof);
  TRY(final.proof, decoded(message.substr(proof + 1), 'p'));
  auto parts = split(final.without_proof, ',');
  if (parts.size() < 2) return malformed("no nonce");
  TRY(final.binding, decoded(parts[0], 'c'));
  TRY(final.nonce, attribute(parts[1], 'r'));
  return final;
}

std::string scram_encode_name(std::string_view name) {
  std::string out;
  for (char c : name) {
    if (c == ',') {
      out += "=2C";
    } else if (c == '=') {
      out += "=3D";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace pennypost

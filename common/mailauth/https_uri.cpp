#include "common/mailauth/https_uri.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/dns/message.h"

namespace pennypost {
namespace {

constexpr std::string_view scheme = "https://";
constexpr std::uint64_t port_max = 65535;

Error malformed(std::string_view text, std::string_view why) {
  return {501, "5.5.4",
          printable(text, 200) + " is no https: URI of a web server: " + std::string(why)};
}

/// RFC 3986 section 2: letters, digits and some marks of ASCII; nothing else is in a URI.
bool is_in_uri(char c) {
  return c > ' ' && c < '\x7f' && c != '"' && c != '<' && c != '>' && c != '\\';
}

/// Not one of the many forms of an IPv4 address (`0x7f000001`, `127.1`), whose last part is a
/// number, and not one that ends with a dot: a library may ask for such a host in another way than
/// we do.
bool is_web_host(std::string_view text) {
  auto last = text.substr(text.rfind('.') + 1);
  return is_host_name(text) && !last.empty() && is_alpha(last.front());
}

}  // namespace

Result<HttpsUri> parse_https_uri(std::string_view text) {
  if (text.size() > https_uri_bytes_max) return malformed(text, "it is too long");
  if (!starts_with_nocase(text, scheme)) return malformed(text, "it does not begin with https://");
  if (!std::ranges::all_of(text, is_in_uri)) return malformed(text, "it holds a wrong character");
  if (text.find('#') != std::string_view::npos) return malformed(text, "it has a fragment");
  auto rest = text.substr(scheme.size());
  auto authority = rest.substr(0, rest.find_first_of("/?"));
  auto host = authority.substr(0, authority.find(':'));
  if (!is_web_host(host)) return malformed(text, "it names no host");
  HttpsUri uri;
  uri.host = lower(host);
  if (host.size() < authority.size()) {
    auto port = parse_number(authority.substr(host.size() + 1));
    if (!port || *port == 0 || *port > port_max) return malformed(text, "it has a wrong port");
    uri.port = static_cast<std::uint16_t>(*port);
  }
  auto path = rest.substr(authority.size());
  uri.path = std::string(path.starts_with('/') ? "" : "/") + std::string(path);
  return uri;
}

}  // namespace pennypost

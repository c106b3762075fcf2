#include "common/config/server_ref.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/config/kinds.h"
#include "common/net/unix_address.h"

namespace pennypost {
namespace {

Error wrong(std::string_view text, const std::string& what) {
  return Error::permanent("\"" + printable(text, 100) + "\" " + what +
                          "; write inet:127.0.0.1:10023 or unix:/run/filter.sock");
}

Result<void> read_place(std::string_view text, ServerRef& into) {
  if (text.starts_with("unix:")) {
    into.path = text.substr(5);
    if (into.path.empty()) return wrong(text, "names no socket");
    if (!into.path.starts_with('/')) return {};
    TRY_DO(unix_address(into.path));
    return {};
  }
  if (!text.starts_with("inet:")) return wrong(text, "names no place of a server");
  std::string_view rest = text.substr(5);
  auto colon = rest.rfind(':');
  std::string_view host = colon == rest.npos ? "localhost" : rest.substr(0, colon);
  auto port = parse_number(colon == rest.npos ? rest : rest.substr(colon + 1));
  if (!port || *port == 0 || *port > 65535) return wrong(text, "has no port, a number to 65535");
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  bool is_name = !host.empty() && std::ranges::all_of(host, [](char c) {
    return is_alnum(c) || c == '.' || c == '-' || c == '_' || c == ':';
  });
  if (!is_name) return wrong(text, "names no host");
  into.host = host;
  into.port = static_cast<std::uint16_t>(*port);
  return {};
}

/// `name=value`, or `{ name = value }`.
Result<void> read_option(std::string_view item, std::span<const std::string_view> known,
                         ServerRef& into) {
  std::string_view text = item;
  if (text.starts_with('{') && text.ends_with('}')) text = text.substr(1, text.size() - 2);
  auto equals = text.find('=');
  std::string name(trim(text.substr(0, equals)));
  std::vector<std::string> names(known.begin(), known.end());
  if (equals == text.npos || std::ranges::find(names, name) == names.end()) {
    return Error::permanent("\"" + printable(item, 100) +
                            "\" is no setting of a server; write one of " + join(names, ", ") +
                            ", each with = and its value");
  }
  into.options[name] = trim(text.substr(equals + 1));
  return {};
}

}  // namespace

Result<ServerRef> ServerRef::parse(std::string_view text,
                                   std::span<const std::string_view> options) {
  ServerRef server;
  text = trim(text);
  if (!text.starts_with('{')) {
    TRY_DO(read_place(text, server));
    return server;
  }
  if (!text.ends_with('}')) return wrong(text, "has no } at its end");
  TRY(auto items, list_items(text.substr(1, text.size() - 2)));
  if (items.empty()) return wrong(text, "is empty");
  TRY_DO(read_place(items[0], server));
  for (std::size_t i = 1; i < items.size(); ++i) {
    TRY_DO(read_option(items[i], options, server));
  }
  return server;
}

Result<ServerRef> ServerRef::parse_filter(std::string_view text) {
  ServerRef server;
  text = trim(text);
  bool is_whole = text.starts_with("unix:") || text.starts_with("inet:");
  TRY_DO(read_place(is_whole ? std::string(text) : "inet:" + std::string(text), server));
  return server;
}

std::string ServerRef::name() const {
  if (is_unix()) return path;
  bool is_ip6 = host.find(':') != std::string::npos;
  return (is_ip6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace pennypost

#include "common/net/host_port.h"

#include <string>

#include "common/base/text.h"

namespace pennypost {

Result<Endpoint> parse_host_port(std::string_view text) {
  std::string_view rest = text = trim(text);
  auto wrong = [&](const std::string& what) {
    return Error::permanent("\"" + printable(text, 100) + "\" " + what +
                            "; write an address and a port, such as 127.0.0.1:10024");
  };
  if (rest.starts_with("unix:")) {
    return wrong("is a Unix socket, which a process that may open no file can't reach");
  }
  if (rest.starts_with("inet:")) rest.remove_prefix(5);
  auto colon = rest.rfind(':');
  std::string_view host = colon == rest.npos ? std::string_view() : rest.substr(0, colon);
  auto port = parse_number(colon == rest.npos ? rest : rest.substr(colon + 1));
  if (!port || *port == 0 || *port > 65535) return wrong("has no port");
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  auto number = static_cast<std::uint16_t>(*port);
  if (host.empty() || equal_nocase(host, "localhost")) {
    return Endpoint(IpAddress::loopback4(), number);
  }
  auto address = IpAddress::parse(host);
  if (!address) return wrong("names no address");
  return Endpoint(*address, number);
}

}  // namespace pennypost

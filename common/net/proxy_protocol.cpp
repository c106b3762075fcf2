#include "common/net/proxy_protocol.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "common/base/text.h"

namespace pennypost {
namespace {

constexpr std::size_t line_bytes_max = 107;  // version 1, with its CRLF
constexpr std::string_view line_start = "PROXY ";
constexpr std::string_view signature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t fixed_bytes = 16;  // version 2: signature, command, family, length
constexpr unsigned char version_local = 0x20;
constexpr unsigned char version_proxy = 0x21;
constexpr unsigned char tcp4 = 0x11;
constexpr unsigned char tcp6 = 0x21;

Error malformed() { return Error::permanent("5.5.2", "malformed PROXY header"); }

std::optional<std::uint16_t> port(std::string_view text) {
  auto number = parse_number(text);
  if (!number || *number > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

Result<std::optional<ProxyHeader>> parse_line(std::string_view bytes) {
  auto end = bytes.substr(0, line_bytes_max).find("\r\n");
  if (end == bytes.npos) {
    if (bytes.size() >= line_bytes_max) return malformed();
    return std::optional<ProxyHeader>();
  }
  ProxyHeader header;
  header.bytes = end + 2;
  auto fields = split(bytes.substr(0, end), ' ');
  if (fields.size() >= 2 && fields[1] == "UNKNOWN") {
    header.is_local = true;
    return std::optional<ProxyHeader>(header);
  }
  if (fields.size() != 6 || (fields[1] != "TCP4" && fields[1] != "TCP6")) return malformed();
  auto client = IpAddress::parse(fields[2]);
  auto server = IpAddress::parse(fields[3]);
  auto client_port = port(fields[4]);
  auto server_port = port(fields[5]);
  if (!client || !server || !client_port || !server_port) return malformed();
  header.client = Endpoint(*client, *client_port);
  header.server = Endpoint(*server, *server_port);
  return std::optional<ProxyHeader>(header);
}

std::uint16_t number16(std::string_view bytes) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[0]) << 8 |
                                    static_cast<unsigned char>(bytes[1]));
}

template <std::size_t N>
std::array<std::uint8_t, N> octets(std::string_view bytes) {
  std::array<std::uint8_t, N> out{};
  std::transform(bytes.begin(), bytes.begin() + N, out.begin(),
                 [](char c) { return static_cast<std::uint8_t>(c); });
  return out;
}

Result<std::optional<ProxyHeader>> parse_binary(std::string_view bytes) {
  if (bytes.size() < fixed_bytes) return std::optional<ProxyHeader>();
  auto command = static_cast<unsigned char>(bytes[12]);
  auto family = static_cast<unsigned char>(bytes[13]);
  std::size_t length = number16(bytes.substr(14));
  if (command != version_local && command != version_proxy) return malformed();
  if (fixed_bytes + length > proxy_header_bytes_max) return malformed();
  if (bytes.size() < fixed_bytes + length) return std::optional<ProxyHeader>();
  auto body = bytes.substr(fixed_bytes, length);
  ProxyHeader header;
  header.bytes = fixed_bytes + length;
  if (command == version_local) {
    header.is_local = true;
  } else if (family == tcp4 && length >= 12) {
    header.client = Endpoint(IpAddress::v4(octets<4>(body)), number16(body.substr(8)));
    header.server = Endpoint(IpAddress::v4(octets<4>(body.substr(4))), number16(body.substr(10)));
  } else if (family == tcp6 && length >= 36) {
    header.client = Endpoint(IpAddress::v6(octets<16>(body)), number16(body.substr(32)));
    header.server = Endpoint(IpAddress::v6(octets<16>(body.substr(16))), number16(body.substr(34)));
  } else {
    return malformed();
  }
  return std::optional<ProxyHeader>(header);
}

bool begins(std::string_view bytes, std::string_view with) {
  auto common = std::min(bytes.size(), with.size());
  return bytes.substr(0, common) == with.substr(0, common);
}

}  // namespace

Result<std::optional<ProxyHeader>> parse_proxy_header(std::string_view bytes) {
  if (begins(bytes, signature)) return parse_binary(bytes);
  if (begins(bytes, line_start)) return parse_line(bytes);
  return malformed();
}

Task<Result<ProxyHeader>> read_proxy_header(Connection& connection) {
  SteadyTime deadline = connection.deadline();
  connection.set_deadline(std::min(deadline, connection.loop().now() + proxy_header_limit));
  std::string bytes;
  for (;;) {
    // Removed each time, since fill() waits only if nothing is buffered.
    co_await connection.fill();
    bytes += connection.take_input();
    CO_TRY(auto header, parse_proxy_header(bytes));
    if (!header) continue;
    connection.prepend_input(std::string_view(bytes).substr(header->bytes));
    connection.set_deadline(deadline);
    co_return *header;
  }
}

}  // namespace pennypost

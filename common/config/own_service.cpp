#include "common/config/own_service.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/config/kinds.h"
#include "common/net/unix_address.h"

namespace pennypost {
namespace {

/// `0660`, as chmod and Dovecot write it.
std::optional<mode_t> mode_of(std::string_view text) {
  bool is_octal =
      text.size() == 4 && text.front() == '0' && text.find_first_not_of("01234567") == text.npos;
  if (!is_octal) return std::nullopt;
  mode_t mode = 0;
  for (char c : text) mode = mode * 8 + static_cast<mode_t>(c - '0');
  return mode;
}

class ServiceReader {
 public:
  ServiceReader(const OwnSection& section, std::vector<std::string>& errors)
      : section_(section), errors_(errors) {}

  OwnService read() {
    service_.kind = *section_.service;
    service_.is_lmtp = section_.text("kind") == lmtp_kind;
    socket();
    port();
    service_.where = section_.where_of(is_given("port") || !service_.socket ? "port" : "socket");
    return std::move(service_);
  }

 private:
  bool is_given(std::string_view key) const { return section_.own.contains(key); }

  void error(std::string_view key, const std::string& what) {
    errors_.push_back(section_.where_of(key) + ": " + section_.title() + "." + std::string(key) +
                      ": " + what);
  }

  void port() {
    std::string text = section_.text("port");
    if (text.empty() && service_.socket) return;
    if (text.empty() && service_.is_lmtp) text = std::to_string(lmtp_service_port);
    if (text.empty()) {
      return error("port", "is missing; write port = 10025, or socket = \"/path\"");
    }
    auto port = kinds::Port::parse(text, kinds::between(0, 65535));
    if (!port) return error("port", port.error().text());
    service_.port = *port;
    // RFC 2033 section 5.
    if (service_.is_lmtp && service_.port == 25) {
      error("port", "25 is the port of SMTP, whose clients would take LMTP for it; write 24");
    }
  }

  void socket() {
    std::string path = section_.text("socket");
    if (path.empty()) {
      for (auto key : {"mode", "user", "group"}) {
        if (is_given(key)) error(key, "is of a socket; write socket = \"/path\"");
      }
      return;
    }
    if (!path.starts_with('/') || path.ends_with('/')) {
      return error("socket", "\"" + printable(path, 100) + "\" is no path; write /path/name");
    }
    if (auto address = unix_address(path); !address) {
      return error("socket", address.error().text());
    }
    ServiceSocket socket;
    socket.path = std::move(path);
    if (is_given("mode")) {
      auto mode = mode_of(section_.text("mode"));
      if (!mode) error("mode", "is no mode; write it as for chmod: mode = \"0660\"");
      socket.mode = mode.value_or(socket.mode);
    }
    socket.user = section_.text("user");
    socket.group = section_.text("group");
    service_.socket = std::move(socket);
  }

  const OwnSection& section_;
  std::vector<std::string>& errors_;
  OwnService service_;
};

}  // namespace

std::optional<Service> service_of_kind(std::string_view kind) {
  if (kind == lmtp_kind) return Service::Smtp;
  auto service = parse_service(kind);
  bool is_mail_in = service && *service <= Service::Submissions;
  return is_mail_in ? service : std::nullopt;
}

OwnService read_service(const OwnSection& section, std::vector<std::string>& errors) {
  return ServiceReader(section, errors).read();
}

}  // namespace pennypost

#include "smtpd/delivery/pipe_arguments.h"

#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "common/mail/address.h"
#include "store/maps/address_lookup.h"

namespace pennypost::smtp {
namespace {

constexpr std::array of_recipient{
    std::string_view("domain"),    std::string_view("extension"),
    std::string_view("mailbox"),   std::string_view("original_recipient"),
    std::string_view("recipient"), std::string_view("user")};

/// An address, with its local part unquoted.
struct Parts {
  std::string local;
  std::string domain;
  bool has_domain = false;

  explicit Parts(const std::string& text) {
    if (auto address = MailAddress::parse(text, Utf8::Allowed)) {
      local = address->local();
      has_domain = address->domain().has_value();
    } else {
      local = text.substr(0, text.rfind('@'));
      has_domain = text.rfind('@') != text.npos;
    }
    if (has_domain) domain = text.substr(text.rfind('@') + 1);
  }
};

class Arguments {
 public:
  Arguments(const PipeCommand& pipe, const Envelope& envelope, const std::string& next_hop,
            const std::string& delimiter)
      : pipe_(pipe), envelope_(envelope), next_hop_(next_hop), delimiter_(delimiter) {}

  std::vector<std::string> make() {
    for (const auto& argument : pipe_.arguments) add(argument);
    return std::move(made_);
  }

 private:
  void add(std::string_view argument) {
    bool is_repeated = false;
    bool has_user = false;
    walk(
        argument, [](std::string_view) {},
        [&](std::string_view name) {
          is_repeated = is_repeated || std::ranges::find(of_recipient, name) != of_recipient.end();
          has_user = has_user || name == "user";
        });
    if (!is_repeated) {
      made_.push_back(expanded(argument, nullptr));
      return;
    }
    for (const auto& recipient : envelope_.recipients) {
      if (has_user && value("user", &recipient).empty()) continue;
      made_.push_back(expanded(argument, &recipient));
    }
  }

  /// The form was checked when the configuration was read.
  template <class Text, class Macro>
  static void walk(std::string_view argument, Text text, Macro macro) {
    [[maybe_unused]] auto walked = walk_argument(argument, text, macro);
  }

  std::string expanded(std::string_view argument, const Recipient* recipient) const {
    std::string result;
    walk(
        argument, [&](std::string_view text) { result += text; },
        [&](std::string_view name) { result += value(name, recipient); });
    return result;
  }

  std::string value(std::string_view name, const Recipient* recipient) const {
    if (recipient != nullptr) {
      if (name == "recipient") return address(recipient->address);
      if (name == "original_recipient") return address(recipient->original);
      Parts parts = folded(recipient->address);
      if (name == "domain") return parts.domain;
      if (name == "mailbox") return parts.local;
      // As in Postfix, but not elsewhere, the user of +list is empty.
      bool has_no_user =
          !parts.local.empty() && delimiter_.find(parts.local.front()) != std::string::npos;
      if (has_no_user) return name == "extension" ? parts.local.substr(1) : "";
      auto split = store::split_local_part(parts.local, delimiter_);
      if (name == "user") return std::string(split.user);
      if (name == "extension") return std::string(split.extension);
    }
    if (name == "sender") {
      std::string sender = pipe_sender(pipe_, envelope_.sender);
      return pipe_.has('q') ? quoted(Parts(sender)) : sender;
    }
    if (name == "nexthop") return pipe_.has('h') ? lower(next_hop_) : next_hop_;
    if (name == "size") return std::to_string(envelope_.size());
    if (name == "queue_id") return envelope_.id.value();
    if (name == "client_address") return envelope_.client_address;
    if (name == "client_helo") return envelope_.helo;
    if (name == "client_hostname") return envelope_.client_name;
    if (name == "client_protocol") return envelope_.protocol;
    if (name == "sasl_method") return envelope_.sasl_method;
    if (name == "sasl_username") return envelope_.sasl_username;
    return "";
  }

  Parts folded(const std::string& text) const {
    Parts parts(text);
    if (pipe_.has('u')) parts.local = lower(parts.local);
    if (pipe_.has('h')) parts.domain = lower(parts.domain);
    return parts;
  }

  std::string address(const std::string& text) const {
    Parts parts = folded(text);
    if (pipe_.has('q')) return quoted(parts);
    return parts.has_domain ? parts.local + "@" + parts.domain : parts.local;
  }

  static std::string quoted(const Parts& parts) {
    if (parts.local.empty()) return "";
    std::string local = quote_local_part(parts.local);
    return parts.has_domain ? local + "@" + parts.domain : local;
  }

  const PipeCommand& pipe_;
  const Envelope& envelope_;
  const std::string& next_hop_;
  const std::string& delimiter_;
  std::vector<std::string> made_;
};

}  // namespace

std::vector<std::string> pipe_arguments(const PipeCommand& pipe, const Envelope& envelope,
                                        const std::string& next_hop,
                                        const std::string& recipient_delimiter) {
  return Arguments(pipe, envelope, next_hop, recipient_delimiter).make();
}

std::string pipe_sender(const PipeCommand& pipe, const std::string& sender) {
  if (sender.empty()) return pipe.null_sender;
  Parts parts(sender);
  return parts.has_domain ? parts.local + "@" + parts.domain : parts.local;
}

}  // namespace pennypost::smtp

// The tests of header fields, addresses, the envelope and the size.
//
// STANDARDS  RFC 5228 sections 2.7.4, 5.1, 5.4, 5.5, 5.7, 5.9; RFC 5233; RFC 5703 section 4
#include "common/base/text.h"
#include "common/mail/address.h"
#include "common/mail/address_list.h"
#include "common/mail/mime_field.h"
#include "store/sieve/field_values.h"
#include "store/sieve/handlers.h"
#include "store/sieve/matching.h"

namespace pennypost::store::sieve {
namespace {

struct AddressText {
  std::string local;
  std::string domain;
  std::string all;
  bool is_valid = true;  // else it has no parts
};

/// The part of an address that the test asks for; nothing if it has none.
std::optional<std::string> address_part(Run& run, const Command& test, const AddressText& address) {
  auto wanted = test.of_group(TagGroup::AddressPart).value_or(Tag::All);
  if (!address.is_valid && wanted != Tag::All) return std::nullopt;
  switch (wanted) {
    case Tag::LocalPart:
      return address.local;
    case Tag::Domain:
      return address.domain;
    case Tag::User:
      return split_sub_address(address.local, run.environment().recipient_delimiter()).user;
    case Tag::Detail:
      return split_sub_address(address.local, run.environment().recipient_delimiter()).detail;
    default:
      return address.all;
  }
}

std::vector<AddressText> addresses_of(std::string_view body) {
  std::vector<AddressText> out;
  // An empty field has one address that is empty and has no parts.
  if (trim(unfold(body)).empty()) return {{"", "", "", false}};
  for (const auto& listed : parse_address_list(unfold(body))) {
    if (listed.kind != ListedAddress::Kind::Mailbox || !listed.mailbox) continue;
    out.push_back(
        {*listed.mailbox, listed.host.value_or(""), listed.text(), listed.address().has_value()});
  }
  return out;
}

/// What :type, :subtype, :contenttype or :param take from the body of a MIME field.
std::vector<std::string> mime_values(Run& run, const Command& test, Tag tag,
                                     std::string_view body) {
  auto parsed = parse_mime_value(unfold(body));
  auto slash = parsed.value.find('/');
  switch (tag) {
    case Tag::Type:
      return {parsed.value.substr(0, slash)};
    case Tag::Subtype:
      return {slash == std::string::npos ? "" : parsed.value.substr(slash + 1)};
    case Tag::ContentType:
      return {parsed.value};
    default:
      break;
  }
  std::vector<std::string> values;
  for (const auto& name : test.find(Tag::Param)->strings) {
    if (auto value = find_parameter_utf8(parsed.parameters, run.text(name))) {
      values.push_back(*std::move(value));
    }
  }
  return values;
}

}  // namespace

Result<bool> header(Run& run, const Command& test) {
  Matching matching(run, test);
  auto mime_tag = test.of_group(TagGroup::MimePart);
  for (const auto& name : test.arguments[0].strings) {
    for (auto body : field_bodies(run, test, run.text(name))) {
      auto values = mime_tag ? mime_values(run, test, *mime_tag, body)
                             : std::vector<std::string>{shown_value(body)};
      for (const auto& value : values) {
        TRY(bool is_match, matching.value(value));
        if (is_match) return true;
      }
    }
  }
  return matching.end();
}

Result<bool> address(Run& run, const Command& test) {
  Matching matching(run, test);
  for (const auto& name : test.arguments[0].strings) {
    for (auto body : field_bodies(run, test, run.text(name))) {
      for (const auto& each : addresses_of(body)) {
        auto part = address_part(run, test, each);
        if (!part) continue;
        TRY(bool is_match, matching.value(*part));
        if (is_match) return true;
      }
    }
  }
  return matching.end();
}

/// RFC 5228 section 5.4: the null sender is the empty string, whatever part is asked for.
Result<bool> envelope(Run& run, const Command& test) {
  Matching matching(run, test);
  for (const auto& name : test.arguments[0].strings) {
    auto part_name = lower(run.text(name));
    std::string text;
    if (part_name == "from") {
      text = run.environment().envelope_from();
    } else if (part_name == "to") {
      text = run.environment().envelope_to();
    } else if (part_name == "orig_to") {
      text = run.environment().original_to();
    } else if (part_name == "auth") {
      text = run.environment().sender_login();
    }
    bool is_there = !text.empty() || part_name == "from";
    if (!is_there) continue;
    auto parsed = MailAddress::parse(text, Utf8::Allowed);
    AddressText address;
    address.all = text;
    if (parsed) {
      address.local = parsed->local();
      address.domain = parsed->domain() ? parsed->domain()->text() : "";
    }
    auto part = text.empty() ? std::optional<std::string>("") : address_part(run, test, address);
    if (!part) continue;
    TRY(bool is_match, matching.value(*part));
    if (is_match) return true;
  }
  return matching.end();
}

Result<bool> exists(Run& run, const Command& test) {
  for (const auto& name : test.arguments[0].strings) {
    TRY_DO(run.spend(1));
    auto wanted = run.text(name);
    bool is_there =
        test.has(Tag::Mime) ? !field_bodies(run, test, wanted).empty() : run.message().has(wanted);
    if (!is_there) return false;
  }
  return true;
}

Result<bool> size(Run& run, const Command& test) {
  auto limit = test.arguments[0].number;
  auto octets = run.message().octets();
  return test.has(Tag::Over) ? octets > limit : octets < limit;
}

}  // namespace pennypost::store::sieve

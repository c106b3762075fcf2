// Writes headers and bodies of the messages that a script sends.
#include "store/sieve/own_message.h"

#include "common/base/text.h"
#include "common/mail/address_list.h"
#include "common/mail/encoded.h"
#include "store/sieve/field_values.h"

namespace pennypost::store::sieve {

std::string owner_address(const Environment& environment) {
  auto address = environment.original_to();
  return address.empty() ? environment.envelope_to() : address;
}

Result<std::string> address_value(const std::string& text) {
  auto listed = parse_address_list(text);
  if (listed.size() != 1) {
    return Error::permanent("\"" + printable(text, 100) + "\" is not one mail address");
  }
  TRY(auto address, listed[0].address());
  if (!address.domain()) {
    return Error::permanent("\"" + printable(text, 100) +
                            "\" is no mail address: it needs a domain, @example.org");
  }
  auto name = listed[0].name.value_or("");
  if (name.empty()) return address.text();
  auto encoded = is_ascii(name) ? "\"" + name + "\"" : encode_words(name);
  return encoded + " " + address.path();
}

std::string auto_submitted(const EditedMessage& message) {
  auto bodies = message.bodies("Auto-Submitted");
  if (bodies.empty()) return "";
  auto value = lower(shown_value(bodies.front()));
  return value.substr(0, value.find_first_of("; \t("));
}

std::string text_field(std::string_view name, std::string_view text) {
  return make_field(name, is_ascii(text) ? std::string(text) : encode_words(text), "\n");
}

Result<std::string> written_entity(std::string_view text) {
  auto entity = with_lf(text);
  for (const auto& field : HeaderFields(entity)) {
    if (!starts_with_nocase(field.name, "Content-") && !field.is("MIME-Version")) {
      return Error::permanent(
          "with :mime the text begins with Content- fields and an empty line, not with \"" +
          printable(field.whole, 60) + "\"");
    }
  }
  return entity;
}

std::string plain_text_body(std::string_view text) {
  auto body = encode_quoted_printable(with_lf(text), "\n");
  if (!body.ends_with('\n')) body += '\n';
  return "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
         "Content-Transfer-Encoding: quoted-printable\n\n" +
         body;
}

std::string with_lf(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\0') continue;
    if (text[i] != '\r') {
      out += text[i];
    } else if (i + 1 == text.size() || text[i + 1] != '\n') {
      out += '\n';
    }
  }
  return out;
}

}  // namespace pennypost::store::sieve

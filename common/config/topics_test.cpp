#include "common/config/topics.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

#include "common/base/text.h"

using namespace pennypost;

TEST_CASE("every setting has a topic, and the topics share none") {
  std::size_t count = 0;
  for (const Topic& topic : topics()) count += settings_of(topic).size();
  CHECK(count == parameters().size());
  for (const Parameter& parameter : parameters()) {
    CAPTURE(parameter.name);
    CHECK_MESSAGE(topic_of(parameter.name) != nullptr, "add it to common/config/topics.def");
  }
}

TEST_CASE("every word of a topic names a setting, and stands once") {
  std::set<std::string> seen;
  for (const Topic& topic : topics()) {
    for (std::string_view pattern : words(topic.patterns, " ")) {
      const std::string text(pattern);
      CAPTURE(text);
      CHECK(seen.insert(text).second);
      bool is_used = std::ranges::any_of(parameters(), [&](const Parameter& parameter) {
        return text.ends_with('*') ? parameter.name.starts_with(text.substr(0, text.size() - 1))
                                   : parameter.name == text;
      });
      CHECK(is_used);
    }
  }
}

TEST_CASE("a name outweighs a beginning, and the longer beginning the shorter") {
  CHECK(topic_of("smtpd_timeout")->key == "receiving");
  CHECK(topic_of("smtpd_tls_key_file")->key == "tls");
  CHECK(topic_of("smtpd_helo_restrictions")->key == "access");
  CHECK(topic_of("smtp_destination_rate_delay")->key == "queue");
  CHECK(topic_of("no_such_setting") == nullptr);
  CHECK(find_topic("imap")->title == "IMAP");
  CHECK(find_topic("IMAP") == nullptr);
}

#include "common/config/load.h"

#include <toml++/toml.h>

#include <algorithm>

#include "common/base/text.h"
#include "common/config/nearest.h"
#include "common/config/toml_mistake.h"
#include "common/config/transports.h"

namespace pennypost {
namespace {

/// The most lines with syntax errors to report; a file in another format has them everywhere.
constexpr std::size_t mistakes_max = 20;

TomlPlace place(const toml::source_position& position) { return {position.line, position.column}; }

class Reader {
 public:
  explicit Reader(const std::string& file) : file_(file) {}

  TomlFile read(std::string_view text) {
    if (text.size() > main_toml_bytes_max) {
      complain(1, "the file is longer than " + std::to_string(main_toml_bytes_max) +
                      " bytes; put lists into tables");
      return std::move(result_);
    }
    auto root = parse(std::string(text));
    auto errors = result_.errors;
    if (root) top(*root);
    // Other errors may only be consequences of the lines left out.
    if (!result_.is_toml) result_.errors = std::move(errors);
    std::ranges::sort(result_.entries, {}, [](const TomlEntry& entry) { return entry.key.line; });
    return std::move(result_);
  }

 private:
  /// Reports all syntax errors at once: a line with one is left out, and the rest is parsed again.
  std::optional<toml::table> parse(std::string text) {
    for (std::size_t tries = 0; tries < mistakes_max; ++tries) {
      try {
        return toml::parse(text);
      } catch (const toml::parse_error& error) {
        result_.is_toml = false;
        std::size_t line = error.source().begin.line;
        auto mistake = explain_toml(text, line, error.description());
        complain(mistake.line, mistake.text);
        leave_out(text, mistake.line, mistake.line == line);
      }
    }
    return std::nullopt;
  }

  /// Removes a line's text. If a list or section begins wrongly, the meaning of what follows is
  /// unknown, so all of that is removed as well.
  static void leave_out(std::string& text, std::size_t line, bool is_alone) {
    std::size_t begin = 0;
    while (--line > 0) begin = std::min(text.find('\n', begin), text.size() - 1) + 1;
    std::size_t end = std::min(text.find('\n', begin), text.size());
    auto here = trim(std::string_view(text).substr(begin, end - begin));
    if (here.empty() || here.starts_with('[') || !is_alone) end = text.size();
    text.erase(begin, end - begin);
  }

  void top(const toml::table& root) {
    for (const auto& [key, node] : root) {
      const toml::table* table = node.as_table();
      if (table == nullptr) {
        entry(std::nullopt, key, node);
      } else if (key.str() == "service") {
        services(*table);
      } else if (key.str() == "transport") {
        transports(*table);
      } else {
        section(table->source().begin.line);
        complain(key.source().begin.line,
                 "unknown section [" + printable(key.str(), 100) +
                     "]; sections are [service.NAME] and [transport.NAME], and other settings are "
                     "above them");
      }
    }
  }

  void services(const toml::table& root) {
    for (const auto& [key, node] : root) {
      const toml::table* table = node.as_table();
      auto service = parse_service(key.str());
      if (service && node.is_array_of_tables()) {
        section(key.source().begin.line);
        complain(key.source().begin.line,
                 "one pair of brackets: [service." + std::string(name_of(*service)) + "]");
        continue;
      }
      bool is_own = table != nullptr && !service && table->contains("kind");
      if (is_own) {
        own_section("service." + std::string(key.str()), *table);
        continue;
      }
      if (table == nullptr || !service) {
        section(key.source().begin.line);
        complain(key.source().begin.line,
                 "unknown service \"" + printable(key.str(), 100) + "\"" +
                     nearest_hint(key.str(), service_names,
                                  [](const char* name) { return std::string_view(name); }) +
                     " (services are smtp, submission, submissions, pop3, pop3s, imap, imaps; one "
                     "of your own needs kind = \"smtp\" or the like)");
        continue;
      }
      result_.sections[static_cast<std::size_t>(*service)] = table->source().begin.line;
      section(table->source().begin.line);
      for (const auto& [name, value] : *table) entry(service, name, value);
    }
  }

  void transports(const toml::table& root) {
    for (const auto& [key, node] : root) {
      const toml::table* table = node.as_table();
      if (table != nullptr) {
        own_section("transport." + std::string(key.str()), *table);
        continue;
      }
      section(key.source().begin.line);
      complain(key.source().begin.line,
               "[transport.NAME] is a section with a kind: write "
               "[transport." +
                   printable(key.str(), 100) + "] above it");
    }
  }

  /// A section whose name is the admin's own.
  void own_section(const std::string& title, const toml::table& table) {
    section(table.source().begin.line);
    result_.own_sections[title] = table.source().begin.line;
    for (const auto& [name, value] : table) {
      auto before = result_.entries.size();
      if (name.str() == "argv" && value.is_array()) {
        arguments(name, *value.as_array());
      } else {
        entry(std::nullopt, name, value);
      }
      if (result_.entries.size() > before) result_.entries.back().own_section = title;
    }
  }

  /// A list of a command's arguments, each as it is.
  void arguments(const toml::key& key, const toml::array& array) {
    std::string text;
    for (const toml::node& item : array) {
      auto piece = scalar(item);
      auto argument =
          piece ? argument_text(*piece)
                : Result<std::string>(Error::permanent("an argument is text, or a number"));
      if (!argument) return complain(item.source().begin.line, "argv: " + argument.error().text());
      text += (text.empty() ? "" : " ") + *argument;
    }
    result_.entries.push_back({std::nullopt, "", std::string(key.str()), std::move(text),
                               place(key.source().begin), place(array.source().begin),
                               place(array.source().end)});
  }

  void section(std::size_t line) {
    if (result_.first_section == 0 || line < result_.first_section) result_.first_section = line;
  }

  void entry(std::optional<Service> service, const toml::key& key, const toml::node& node) {
    std::size_t line = key.source().begin.line;
    std::string text;
    if (const toml::array* array = node.as_array()) {
      for (const toml::node& item : *array) {
        auto piece = scalar(item);
        if (!piece) {
          complain(item.source().begin.line,
                   printable(key.str(), 100) +
                       ": a list may contain only text and numbers; write "
                       "[\"a\", \"b\"]");
          return;
        }
        text += (text.empty() ? "" : ", ") + *piece;
      }
    } else if (auto value = scalar(node)) {
      text = *value;
    } else {
      complain(line, printable(key.str(), 100) +
                         ": a value is text, a whole number, true or false, or a list of text; "
                         "write it in quotes");
      return;
    }
    result_.entries.push_back({service, "", std::string(key.str()), std::move(text),
                               place(key.source().begin), place(node.source().begin),
                               place(node.source().end)});
  }

  static std::optional<std::string> scalar(const toml::node& node) {
    if (auto text = node.value_exact<std::string>()) return *text;
    if (auto number = node.value_exact<std::int64_t>()) return std::to_string(*number);
    if (auto flag = node.value_exact<bool>()) return *flag ? "yes" : "no";
    return std::nullopt;
  }

  void complain(std::size_t line, const std::string& what) {
    result_.errors.push_back(file_ + ":" + std::to_string(line) + ": " + what);
  }

  const std::string& file_;
  TomlFile result_;
};

}  // namespace

TomlFile read_toml(std::string_view text, const std::string& file) {
  return Reader(file).read(text);
}

}  // namespace pennypost

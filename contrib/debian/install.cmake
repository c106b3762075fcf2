# Says where the programs and files of Pennypost go (`cmake --install`), and what is in the Debian package that
# contrib/package makes of them (CPack).
if(CMAKE_INSTALL_PREFIX_INITIALIZED_TO_DEFAULT)
  set(CMAKE_INSTALL_PREFIX /usr CACHE PATH "where programs go; /etc stays /etc" FORCE)
endif()
include(GNUInstallDirs)

install(TARGETS smtpd popd imapd pennypost sendmail postdrop RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})

# The other names of the programs, where users of Debian expect them.
function(pennypost_install_link directory name program)
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/links/${directory})
  file(RELATIVE_PATH target /${directory} /${CMAKE_INSTALL_SBINDIR}/${program})
  file(CREATE_LINK ${target} ${CMAKE_BINARY_DIR}/links/${directory}/${name} SYMBOLIC)
  install(FILES ${CMAKE_BINARY_DIR}/links/${directory}/${name} DESTINATION ${directory})
endfunction()
foreach(name ${PENNYPOST_NAMES_OF_PENNYPOST})
  if(NOT name STREQUAL newaliases)
    pennypost_install_link(${CMAKE_INSTALL_SBINDIR} ${name} pennypost)
  endif()
endforeach()
pennypost_install_link(${CMAKE_INSTALL_BINDIR} newaliases pennypost)
foreach(name ${PENNYPOST_NAMES_OF_SENDMAIL})
  if(NOT name STREQUAL mailq)
    pennypost_install_link(${CMAKE_INSTALL_SBINDIR} ${name} sendmail)
  endif()
endforeach()
pennypost_install_link(${CMAKE_INSTALL_BINDIR} mailq sendmail)
pennypost_install_link(lib sendmail sendmail)

set(contrib ${CMAKE_SOURCE_DIR}/contrib)
file(GLOB units ${contrib}/systemd/*.service ${contrib}/systemd/*.target)
install(FILES ${units} DESTINATION lib/systemd/system)
install(FILES ${contrib}/systemd/sysusers.conf DESTINATION lib/sysusers.d RENAME pennypost.conf)
install(FILES ${contrib}/systemd/tmpfiles.conf DESTINATION lib/tmpfiles.d RENAME pennypost.conf)
install(FILES ${contrib}/pam/pennypost DESTINATION /etc/pam.d)
install(FILES ${contrib}/logrotate/pennypost DESTINATION /etc/logrotate.d)
install(FILES ${contrib}/fail2ban/pennypost.conf ${contrib}/fail2ban/pennypost-login.conf
  DESTINATION /etc/fail2ban/filter.d)
install(FILES ${contrib}/fail2ban/jail.conf DESTINATION /etc/fail2ban/jail.d
  RENAME pennypost.conf)
install(FILES ${contrib}/debian/main.toml DESTINATION ${CMAKE_INSTALL_DATADIR}/pennypost)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/etc/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(FILES ${CMAKE_SOURCE_DIR}/README.md ${contrib}/debian/copyright DESTINATION ${CMAKE_INSTALL_DOCDIR})
# Debian wants them compressed, always with the same result.
foreach(source ${contrib}/debian/changelog ${CMAKE_SOURCE_DIR}/CHANGES.md)
  get_filename_component(name ${source} NAME)
  set(compressed ${CMAKE_BINARY_DIR}/${name}.gz)
  add_custom_command(OUTPUT ${compressed} DEPENDS ${source} COMMAND gzip -9nc ${source} > ${compressed})
  list(APPEND texts ${compressed})
endforeach()
add_custom_target(package_texts ALL DEPENDS ${texts})
install(FILES ${texts} DESTINATION ${CMAKE_INSTALL_DOCDIR})

include(${contrib}/man/pages.cmake)

# --- the package --------------------------------------------------------------------------------

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME pennypost)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "$ENV{DEBFULLNAME} <$ENV{DEBEMAIL}>")
if(NOT DEFINED ENV{DEBEMAIL})
  set(CPACK_PACKAGE_CONTACT "Local build of Pennypost <root@localhost>")
endif()
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "mail transport agent with POP3 and IMAP server")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "Takes, queues and delivers mail by SMTP, and serves it by POP3 and
IMAP, over one store and one configuration file, with the names of
Postfix and Dovecot for settings and commands. One setting makes a host
a null client, a relay, or the place where mail ends.")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION mail)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_HOMEPAGE "")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser, ca-certificates, libpam-runtime, systemd | systemd-standalone-sysusers, systemd | systemd-standalone-tmpfiles")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "logrotate")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "fail2ban, libldap-2.5-0, libmariadb3, libpq5, libsqlite3-0")
set(CPACK_DEBIAN_PACKAGE_PROVIDES "mail-transport-agent, imap-server, pop3-server")
set(CPACK_DEBIAN_PACKAGE_CONFLICTS "mail-transport-agent")
set(CPACK_DEBIAN_PACKAGE_REPLACES "mail-transport-agent")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${contrib}/debian/conffiles ${contrib}/debian/postinst
  ${contrib}/debian/prerm ${contrib}/debian/postrm)
set(CPACK_STRIP_FILES ON)
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
include(CPack)
